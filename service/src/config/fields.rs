//! The settings as they stand in a file: every one with its meaning, default and range.

use serde::{Deserialize, Serialize};
use serendib_engine::rank::{SURPRISE_DIVERSITY, SURPRISE_PER_CATEGORY};

/// What is known of one setting, for `--print-config` and for reading the environment.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Section of the file.
    pub section: &'static str,
    /// Key inside the section.
    pub name: &'static str,
    /// Meaning, default and range.
    pub doc: &'static str,
}

macro_rules! settings {
    ($( $(#[doc = $section_doc:literal])* $section:ident: $struct:ident {
        $( $(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr; )*
    } )*) => {
        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $struct {
                $( $(#[doc = $doc])* pub $name: $type, )*
            }

            impl Default for $struct {
                fn default() -> Self {
                    $struct { $( $name: $default, )* }
                }
            }
        )*

        /// All settings as they stand in a file, unchecked.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct RawConfig {
            $( $(#[doc = $section_doc])* pub $section: $struct, )*
        }

        /// Every section and what it is about, in the order of the file.
        pub const SECTIONS: &[(&str, &str)] =
            &[$( (stringify!($section), concat!($($section_doc, "\n"),*)), )*];

        /// Every setting, in the order of the file.
        pub const FIELDS: &[Field] = &[
            $( $( Field {
                section: stringify!($section),
                name: stringify!($name),
                doc: concat!($($doc, "\n"),*),
            }, )* )*
        ];
    };
}

settings! {
    /// Where the gRPC server listens.
    server: ServerSection {
        /// Address and port. Default 127.0.0.1:7700: this machine only. Port 0 takes a free one. Listening on any
        /// other address is refused without TLS and keys (auth.keys_file), unless serve is told --insecure.
        addr: String = "127.0.0.1:7700".into();
        /// PEM file with the server's certificate chain; empty = no TLS. Needs tls_key.
        tls_cert: String = String::new();
        /// PEM file with the private key of tls_cert.
        tls_key: String = String::new();
        /// Largest request in bytes, 65536 to 1073741824, of calls that take many rows: Record, UpsertProducts, UpsertCustomers,
        /// SetStock, PackBoxes. Of the others 1 MiB, or this where it is less. Default 16 MiB. Larger ones are refused.
        max_request_bytes: u64 = 16 << 20;
        /// Connections at one time, 1 to 1000000. Default 10000. More are closed at once.
        max_connections: u64 = 10_000;
        /// Of them from one address, 1 to 1000000. Default 256.
        max_connections_per_address: u64 = 256;
        /// Addresses of proxies, with commas between, from which there may be any number. Default none.
        trusted_proxies: String = String::new();
        /// Time for an answer when the caller sets no deadline, in milliseconds, 1 to 600000. Default 5000.
        default_deadline_ms: u64 = 5_000;
        /// Time that running calls get to end at shutdown, in seconds, 0 to 600. Default 20.
        shutdown_grace_s: u64 = 20;
        /// Whether clients may ask which services there are. Default true.
        reflection: bool = true;
    }
    /// Who may call.
    auth: AuthSection {
        /// File with the keys that callers show, made by serendib keys; empty = nobody is asked for a key. Default empty.
        /// Read again when it changes.
        keys_file: String = String::new();
    }
    /// The threads that compute answers.
    compute: ComputeSection {
        /// Threads, 1 to 1024; 0 = one per core. Default 0.
        threads: u64 = 0;
        /// Requests that may wait for a thread, 1 to 100000. Default 512. Beyond that a request is refused at once with
        /// RESOURCE_EXHAUSTED, so that the others are answered in time.
        queue: u64 = 512;
    }
    /// Where model bundles are and how they are followed.
    models: ModelsSection {
        /// Models directory, or one bundle; empty = none, answers come from the catalogue alone. Default empty.
        dir: String = String::new();
        /// How often the directory is looked at for a new current model, in milliseconds, 50 to 3600000; 0 = never.
        /// Default 1000.
        watch_ms: u64 = 1_000;
        /// How many generations stay loaded for a rollback beside the one that answers, 0 to 10. Default 1. Each costs
        /// its size in memory.
        keep_loaded: u64 = 1;
    }
    /// Where touchpoints, customers and the catalogue are kept.
    store: StoreSection {
        /// Directory of the store; created when missing. Default ./serendib-store. Losing it loses what was recorded.
        dir: String = "serendib-store".into();
        /// The ledger of erasures, a file that is kept when the store is replaced or lost: whoever is in it stays erased.
        /// Empty = beside the store, by its name with ".erasures". Default empty.
        erasures: String = "".into();
        /// Memory for customers that were read lately, in MiB, 1 to 1048576. Default 256.
        cache_mib: u64 = 256;
        /// Largest size of the store in MiB, 0 = until the disk is full. Default 0. When full, recording is refused and
        /// recommendations go on.
        max_mib: u64 = 0;
        /// How long an erased customer may stay in the files until they are scrubbed, in seconds, 1 to 2592000.
        /// Default 3600.
        scrub_within_s: u64 = 3_600;
        /// Touchpoints older than this many days are deleted, 0 = kept for ever. Default 0. What a customer last said of hiding a
        /// product stays until they undo it.
        keep_touchpoints_days: u64 = 0;
        /// Served answers older than this many days are deleted, 1 to 36500. Default 400.
        keep_served_days: u64 = 400;
        /// Served answers that nothing came back for are deleted after this many days, 1 to 36500. Default 30. What known
        /// customers were surprised with stays for keep_served_days: SurpriseMe does not show it again.
        keep_unreported_days: u64 = 30;
    }
    /// Answers of Recommend and SurpriseMe.
    recommend: RecommendSection {
        /// Items in a list when the request does not say, 1 to max_count. Default 20.
        default_count: u64 = 20;
        /// Most items that a list may ask for, 1 to 1000. Default 200.
        max_count: u64 = 200;
        /// Reasons for each item at most, 0 to 10. Default 3.
        max_reasons: u64 = 3;
        /// Newest touchpoints of a customer that a list looks at, 1 to 5000: so many of what they bought, gave back or
        /// asked for, as many of what else they did, and fewer of what they were shown. Default 5000. Care, fatigue
        /// and engagement look at more.
        history: u64 = 5_000;
        /// Memory for comparing customers with each other, in MiB, 1 to 1048576. Default 256. Customers who do not fit are
        /// left out of FindSimilarCustomers, which then says so, and the source "customers like you" pauses.
        customer_index_mib: u64 = 256;
        /// Language of the sentences where neither the request nor the customer says one. Default en.
        locale: String = "en".into();
        /// Write what was served into the serve log. Default true. Without it neither fatigue nor off-policy
        /// evaluation works, nothing can be explained, and SurpriseMe may show a surprise again.
        log_served: bool = true;
        /// Percent of all customers, by a hash of their id, who get answers that are not personal, so that the worth of
        /// personal answers can be told from orders; 0 to 50. Default 5. Written down with a customer's first answer and
        /// kept: another number governs those who come later; 0 ends the holdout. Give `serendib-train refresh` the
        /// same number.
        holdout_percent: u64 = 5;
        /// How much the items of a list should differ from each other where the request does not say, in percent: 0 = each
        /// by its own score, 100 = likeness decides almost alone; 0 to 100. For the lists for-you, goes-with,
        /// next-in-life and popular. Default 0: every bit costs some of what customers would buy.
        diversity_percent: u64 = 0;
        /// The same for surprises, times the dial; 0 to 100. Default 20.
        surprise_diversity_percent: u64 = (100.0 * SURPRISE_DIVERSITY).round() as u64;
        /// Surprises of one leaf category (in a shop without categories, of one kind of thing as the model finds them) that
        /// come before those of others at dials above 0; more come only where a list would be short. A request's own
        /// max_per_category takes its place. 0 to 1000; 0 = any number. Default 2.
        surprise_max_per_category: u64 = SURPRISE_PER_CATEGORY as u64;
        /// Relevance that every surprise must have beside its customer's own floor (a quarter of the median of the best that the
        /// shop sells and they do not have, unless the model says another share), whatever the dial: with a model that knows purchases the probability that the
        /// customer buys it within the model's horizon; 0 to 1. Default 0.
        surprise_floor: f64 = 0.0;
        /// How far the mix of categories of a list follows what the customer bought where the request does not say, in
        /// percent; 0 to 100. For the same lists, and for surprises times the dial. Default 0.
        calibration_percent: u64 = 0;
        /// Items of one leaf category at most in those lists, 0 to 1000; 0 = any number. Default 0.
        max_per_category: u64 = 0;
        /// Items of one brand at most in those lists, 0 to 1000; 0 = any number. Default 0.
        max_per_brand: u64 = 0;
    }
    /// What customers' contacts ask of the shop: care before sales, and offers in proportion.
    contact: ContactSection {
        /// Days in which an open complaint pauses surprises and promotions if nobody resolves it, 0 to 3650; 0 = never.
        /// Promotions are pinned products and whatever is asked for an outreach placement. Default 30.
        complaint_days: u64 = 30;
        /// Days in which surprises stay away after a complaint was resolved, 0 to 3650. Default 0.
        resolved_days: u64 = 0;
        /// Days in which an intent to cancel stops every offer and asks for a person, 0 to 3650. Default 30.
        cancel_intent_days: u64 = 30;
        /// Days in which a technician's visit favours upgrades and complements of what it was about, 0 to 3650.
        /// Default 30.
        technician_days: u64 = 30;
        /// Days in which advice does the same, 0 to 3650. Default 14.
        advice_days: u64 = 14;
        /// Days in which an enquiry about stock favours the substitute that is in stock, 0 to 3650. Default 14.
        enquiry_days: u64 = 14;
        /// Impressions of a product without any touch of it that cost it nothing, 0 to 1000. Default 2.
        impressions_free: u64 = 2;
        /// Percent of its score that each further impression takes, 0 to 100; 0 = nothing ever sinks. Default 15.
        impressions_cost_percent: u64 = 15;
        /// Days in which an impression is half forgotten, 1 to 3650. Default 7.
        impressions_half_life_days: u64 = 7;
        /// Days over which offers (e-mails, messages, pushes, mailers and invitations sent) are counted, 1 to 3650.
        /// Default 30.
        offers_window_days: u64 = 30;
        /// Offers that a customer may get in these days before they were given anything, 0 to 100000. Default 4.
        offers_free: u64 = 4;
        /// Further offers for each contact that gave them something (advice, content, events, service, help), 0 to 1000.
        /// Default 1.
        offers_per_value_contact: u64 = 1;
        /// Placements, separated by commas, whose lists are sent to customers unasked and count as offers; with those
        /// below them (email.weekly). Default email,sms,push,mailer,call.
        outreach_placements: String = "email,sms,push,mailer,call".into();
        /// Touches wanted between two purchases, 0 to 100000; 0 = as the model says. Default 0.
        minimum_touches: u64 = 0;
    }
    /// Recording of touchpoints.
    touchpoints: TouchpointsSection {
        /// Touchpoints in one Record call at most, 1 to 10000. Default 5000.
        max_batch: u64 = 5_000;
        /// How far ahead of this machine's clock a touchpoint may be, in seconds, 0 to 31536000. Default 86400.
        future_s: u64 = 86_400;
        /// What happens to one further ahead: "refuse" the batch, or "clamp" it to now. Default refuse.
        future: String = "refuse".into();
        /// Customers never seen before: "accept" or "refuse". Default accept.
        unknown_customers: String = "accept".into();
        /// Products that are not in the catalogue: "accept" or "refuse". Default accept.
        unknown_products: String = "accept".into();
    }
    /// What holds for customers who said nothing; an explicit no always wins.
    consent: ConsentSection {
        /// Answers may be personal. Default true.
        personalise: bool = true;
        /// Life situations may be inferred. Default true.
        infer_life_stage: bool = true;
        /// The shop may reach out: true takes contact_basis. Default false.
        contact: bool = false;
        /// The legal basis on which customers who said nothing may be contacted, in words for the record. Default none.
        contact_basis: String = "".into();
        /// Touchpoints may be exported for training. Default true.
        train: bool = true;
    }
    /// Logs, written to standard error. Ids of customers, products and touchpoints are never logged.
    log: LogSection {
        /// "error", "warn", "info", "debug" or "trace", or a filter such as "info,serendib_service=debug". Default info.
        level: String = "info".into();
        /// "text" for people or "json" for programs. Default text.
        format: String = "text".into();
    }
    /// Figures for Prometheus, at http://ADDR/metrics.
    metrics: MetricsSection {
        /// Address and port, or empty for none. Default 127.0.0.1:7701. Port 0 takes a free one.
        addr: String = "127.0.0.1:7701".into();
    }
}
