//! The column that an unknown one was probably meant to be.

use super::record::Record;
use crate::nearest::nearest;

/// What other tools call our columns, without case and underscores.
const OTHER_NAMES: &[(&str, &str)] = &[
    (
        "at",
        "timestamp ts time date datetime when createdat eventtime eventtimestamp eventdate eventdatetime orderdate invoicedate \
         purchasedate purchasetime transactiondate transactiontime occurredat processedat paidat",
    ),
    ("quantity", "qty count units unitcount itemquantity lineitemquantity qtyordered pieces"),
    (
        "value",
        "amount total price revenue linetotal itemtotal subtotal sales paid unitprice saleprice lineitemprice itemrevenue",
    ),
    (
        "basket_id",
        "orderid order ordernumber orderno invoice invoiceid invoiceno invoicenumber transactionid cartid basket receipt \
         receiptid ticketid checkoutid",
    ),
    (
        "product_id",
        "sku item itemid product productid productcode article articleid articleno asin stockcode lineitemsku variantid",
    ),
    (
        "customer_id",
        "user userid customer customerid client clientid member memberid buyer buyerid visitorid userpseudoid account \
         accountid shopperid householdid",
    ),
    ("kind", "event eventtype eventname action actiontype type behavior behaviour behaviortype activity interaction"),
    ("channel", "source medium device platform saleschannel"),
    ("rating", "stars score overall ratingvalue"),
    ("touchpoint_id", "eventid messageid rowid uuid"),
    ("duration_s", "duration dwelltime dwell timespent seconds"),
    ("title", "name productname producttitle itemname label"),
    ("category", "categories categorypath productcategory producttype categorycode categoryname department"),
    ("brand", "vendor manufacturer make brandname"),
    ("price", "unitprice listprice saleprice regularprice"),
    ("cost", "costprice unitcost costperitem"),
    ("stock", "inventory inventoryqty stockquantity stocklevel qtyavailable onhand"),
    ("parent_id", "parent itemgroupid parentsku handle groupid modelid"),
    ("variant", "size color colour option variantname"),
    ("description", "body bodyhtml longdescription"),
    ("registered_at", "signupdate registrationdate customersince joinedat"),
    ("locale", "language lang"),
    ("expires_at", "expiry expirydate bestbefore"),
];

fn key(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The column of a table that `name` was probably meant to be, of those that `header` lacks.
pub fn meant<T: Record>(name: &str, header: &[String]) -> Option<&'static str> {
    let word = key(name);
    let lacks = |column: &str| !header.iter().any(|name| name == column);
    let columns = || {
        T::COLUMNS
            .iter()
            .map(|column| column.name)
            .filter(|c| lacks(c))
    };
    let other_name = || {
        let known = OTHER_NAMES
            .iter()
            .filter(|(_, names)| names.split_whitespace().any(|other| other == word));
        known
            .map(|(column, _)| *column)
            .find(|c| columns().any(|known| known == *c))
    };
    columns()
        .find(|column| key(column) == word)
        .or_else(other_name)
        .or_else(|| nearest(name, columns()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Product, Touchpoint};

    #[test]
    fn other_names_and_misspellings_lead_to_our_columns() {
        let header = ["customer_id".to_owned(), "kind".to_owned()];
        let of = |name| meant::<Touchpoint>(name, &header);
        assert_eq!(of("timestamp"), Some("at"));
        assert_eq!(of("Qty"), Some("quantity"));
        assert_eq!(of("Order ID"), Some("basket_id"));
        assert_eq!(of("BasketId"), Some("basket_id"));
        assert_eq!(of("chanel"), Some("channel"));
        assert_eq!(of("user_id"), None, "the header has the column");
        assert_eq!(of("colour"), None);
        assert_eq!(meant::<Product>("Colour", &[]), Some("variant"));
    }
}
