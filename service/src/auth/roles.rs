//! What the holder of a key may call.

use std::fmt;
use std::str::FromStr;

use serendib_proto::Rpc;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The shop's own site and app: answers, what visitors do, who they are.
    Storefront,
    /// The packing bench: boxes and their stock.
    Packer,
    /// Who looks at customers and models as figures.
    Analyst,
    /// Who plans what is sent to whom.
    Marketing,
    /// Who talks with customers: their cards, exports and erasures.
    Care,
    /// Everything.
    Admin,
}

impl Role {
    pub const ALL: [Role; 6] = [
        Role::Storefront,
        Role::Packer,
        Role::Analyst,
        Role::Marketing,
        Role::Care,
        Role::Admin,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Storefront => "storefront",
            Role::Packer => "packer",
            Role::Analyst => "analyst",
            Role::Marketing => "marketing",
            Role::Care => "care",
            Role::Admin => "admin",
        }
    }

    /// Whether its holders may call `rpc`.
    pub fn may(self, rpc: Rpc) -> bool {
        self == Role::Admin || roles_of(rpc).contains(&self)
    }
}

/// Who may call `rpc` beside admins. Every call is named, so that a new one does not compile without an answer.
const fn roles_of(rpc: Rpc) -> &'static [Role] {
    use Role::{Analyst, Care, Marketing, Packer, Storefront};
    match rpc {
        Rpc::Recommend | Rpc::RecommendStream | Rpc::SurpriseMe => &[Storefront],
        Rpc::Explain => &[Storefront, Care],
        Rpc::Record | Rpc::RecordStream | Rpc::RateSurprise => &[Storefront],
        Rpc::ReserveStock | Rpc::ReleaseStock => &[Storefront],
        // who logs in, registers or says yes or no does so on the site
        Rpc::UpsertCustomers | Rpc::LinkIdentity | Rpc::SetConsent => &[Storefront, Care],
        Rpc::UnlinkIdentity => &[Care],
        Rpc::GetProducts => &[Storefront, Packer, Analyst, Marketing, Care],
        Rpc::SetStock => &[Packer],
        Rpc::PackBoxes | Rpc::RepackBox | Rpc::UpdateBoxes => &[Packer],
        Rpc::GetBoxes => &[Packer, Care],
        Rpc::GetCustomer => &[Care],
        Rpc::GetLife | Rpc::GetEngagement => &[Analyst, Care],
        Rpc::ListEngagement | Rpc::FindSimilarCustomers => &[Analyst, Marketing],
        Rpc::ExportCustomer | Rpc::EraseCustomer | Rpc::GetErasure => &[Care],
        Rpc::ListModels | Rpc::GetModelReport => &[Analyst],
        Rpc::ActivateModel | Rpc::RollbackModel => &[],
        Rpc::UpsertProducts | Rpc::RemoveProducts => &[],
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; there are storefront, packer, analyst, marketing, care and admin")]
pub struct NoRole(String);

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(word: &str) -> Result<Role, NoRole> {
        let found = Role::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or_else(|| NoRole(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn what_takes_somebody_away_or_changes_the_shop_is_not_for_the_site() {
        for rpc in Rpc::ALL {
            assert!(Role::Admin.may(rpc));
        }
        for rpc in [
            Rpc::ExportCustomer,
            Rpc::EraseCustomer,
            Rpc::GetCustomer,
            Rpc::ListEngagement,
            Rpc::UpsertProducts,
            Rpc::SetStock,
            Rpc::ActivateModel,
        ] {
            assert!(!Role::Storefront.may(rpc), "{rpc:?}");
        }
    }
}
