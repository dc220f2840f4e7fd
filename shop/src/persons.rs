//! Which ids are one person.

use std::collections::HashMap;

use crate::row::MAX_IDENTITIES;

/// What making an id an identity of a customer comes to, before anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Nothing stands against it.
    New,
    /// It is one already, directly or by way of another identity.
    Already,
    /// It is the customer's own id.
    Own,
    /// The customer is an identity of it.
    Circle,
    /// It is an identity of somebody else.
    Elsewhere,
    /// The person would have more than 256 identities.
    TooMany,
}

impl Link {
    /// Returns what is wrong with linking `identity` to `customer`, as a sentence's end; `None` where nothing is.
    pub fn fault(self, customer: &str, identity: &str) -> Option<String> {
        match self {
            Link::New | Link::Already => None,
            Link::Own => Some(format!("{identity:?} is the customer's own id")),
            Link::Circle => Some(format!(
                "{customer:?} is itself an identity of {identity:?}: a circle"
            )),
            Link::Elsewhere => Some(format!("{identity:?} is an identity of another customer")),
            Link::TooMany => Some(format!(
                "{customer:?} would have more than {MAX_IDENTITIES} identities"
            )),
        }
    }
}

/// Returns what making `identity` an identity of `customer` comes to, where `parent` tells what an id is linked to.
///
/// # Errors
/// What `parent` returns.
pub fn judge_link<N: Clone + PartialEq, E>(
    customer: &N,
    identity: &N,
    mut parent: impl FnMut(&N) -> Result<Option<N>, E>,
) -> Result<Link, E> {
    if customer == identity {
        return Ok(Link::Own);
    }
    let mut above = parent(customer)?;
    while let Some(id) = above {
        if id == *identity {
            return Ok(Link::Circle);
        }
        above = parent(&id)?;
    }
    let Some(mut above) = parent(identity)? else {
        return Ok(Link::New);
    };
    loop {
        if above == *customer {
            return Ok(Link::Already);
        }
        match parent(&above)? {
            Some(id) => above = id,
            None => return Ok(Link::Elsewhere),
        }
    }
}

/// The ids that were linked, each under the one it was linked to.
#[derive(Debug, Clone, Default)]
pub struct Persons {
    parents: HashMap<Box<str>, Box<str>>,
    /// Identities of those that have any and are nobody's identity.
    sizes: HashMap<Box<str>, usize>,
}

impl Persons {
    /// Makes `identity` an identity of `customer` if that is [`Link::New`], and returns what it came to.
    pub fn link(&mut self, customer: &str, identity: &str) -> Link {
        let found: Result<Link, std::convert::Infallible> =
            judge_link(&customer, &identity, |id: &&str| {
                Ok(self.parents.get(*id).map(|parent| &**parent))
            });
        let Ok(link) = found;
        if link != Link::New {
            return link;
        }
        let root: Box<str> = self.root(customer).into();
        let joining = 1 + self.sizes.get(identity).copied().unwrap_or(0);
        let size = self.sizes.get(&root).copied().unwrap_or(0) + joining;
        if size > MAX_IDENTITIES {
            return Link::TooMany;
        }
        self.sizes.remove(identity);
        self.sizes.insert(root, size);
        self.parents.insert(identity.into(), customer.into());
        Link::New
    }

    /// Takes `identity` away again, with everything linked to it.
    pub fn unlink(&mut self, identity: &str) {
        let root: Box<str> = self.root(identity).into();
        if self.parents.remove(identity).is_none() {
            return;
        }
        let below = |id: &str| self.root(id) == identity && id != identity;
        let leaving = self.parents.keys().filter(|id| below(id)).count();
        let size = self.sizes.entry(root).or_default();
        *size = size.saturating_sub(1 + leaving);
        if leaving > 0 {
            self.sizes.insert(identity.into(), leaving);
        }
    }

    /// The id that stands for the person of `id`: `id` itself where nothing is linked.
    pub fn root<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(parent) = self.parents.get(id) {
            id = parent;
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_linked_once_and_never_in_a_circle() {
        let mut persons = Persons::default();
        assert_eq!(persons.link("ada", "web"), Link::New);
        assert_eq!(persons.link("ada", "web"), Link::Already);
        assert_eq!(persons.link("web", "card"), Link::New);
        assert_eq!(persons.link("ada", "card"), Link::Already);
        assert_eq!(persons.link("card", "ada"), Link::Circle);
        assert_eq!(persons.link("ada", "ada"), Link::Own);
        assert_eq!(persons.link("bob", "card"), Link::Elsewhere);
        assert_eq!(persons.root("card"), "ada");
        assert_eq!(persons.root("bob"), "bob");
    }

    #[test]
    fn a_person_has_at_most_so_many_identities() {
        let mut persons = Persons::default();
        for n in 0..MAX_IDENTITIES {
            assert_eq!(persons.link("ada", &format!("visit{n}")), Link::New);
        }
        assert_eq!(persons.link("visit7", "one-more"), Link::TooMany);
        assert_eq!(persons.root("one-more"), "one-more");
    }
}
