//! What fitting needs, told before it starts.

use std::path::Path;

use crate::learn::vectors::ease::ease_bytes;
use serendib_shop::acquisitions;

use crate::learn::corpus::Corpus;
use crate::learn::vectors::tune::ease_keep;
use crate::learn::FitError;

/// Four fifths of the memory that is free now, to the machine and to the control groups of this process; 4 GB where the
/// system does not say.
pub fn available() -> usize {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    free(&read).map_or(4_000_000_000, |bytes| bytes / 5 * 4)
}

type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

fn free(read: Read) -> Option<usize> {
    let meminfo = read("/proc/meminfo").unwrap_or_default();
    let machine = value_of(&meminfo, "MemAvailable:").map(|kilobytes| kilobytes * 1024);
    machine.into_iter().chain(group_free(read)).min()
}

/// The number behind `name` in lines of names and numbers.
fn value_of(text: &str, name: &str) -> Option<usize> {
    let line = text
        .lines()
        .find(|line| line.split_whitespace().next() == Some(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What the control groups of this process, and those above them, still leave; `None` where none limits.
fn group_free(read: Read) -> Option<usize> {
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            // root, limit, used, and what of that is cache which gives way
            let files = if controllers.is_empty() {
                let names = ["memory.max", "memory.current"];
                ("/sys/fs/cgroup", names, "inactive_file")
            } else if controllers.split(',').any(|name| name == "memory") {
                let names = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
                ("/sys/fs/cgroup/memory", names, "total_inactive_file")
            } else {
                return None;
            };
            let (root, names, cache) = files;
            let above = Path::new(path).ancestors();
            above
                .filter_map(|path| {
                    let dir = format!("{root}{}", path.to_str()?.trim_end_matches('/'));
                    let number = |name: &str| -> Option<usize> {
                        read(&format!("{dir}/{name}"))?.trim().parse().ok()
                    };
                    let stat = read(&format!("{dir}/memory.stat")).unwrap_or_default();
                    let cached = value_of(&stat, cache).unwrap_or(0);
                    let used = number(names[1]).unwrap_or(0).saturating_sub(cached);
                    Some(number(names[0])?.saturating_sub(used))
                })
                .min()
        })
        .min()
}

/// Bytes at the peak of the work on `interactions` of `customers` with `products`, decomposed to `dim` dimensions.
///
/// The log (48 bytes per touch); two copies of the interactions both ways, and as much before the purchase model's window;
/// counted neighbours; three blocks of the decomposition; the rows of a blend while it is put together, tried and served,
/// and once more before that window; the families' scores while they are weighed. EASE^R comes on top where
/// [`affords_ease`] says so.
pub fn needed(
    touches: usize,
    interactions: usize,
    customers: usize,
    products: usize,
    dim: usize,
) -> usize {
    let sketch = dim + 20;
    touches * 48
        + interactions * 8 * 6
        + products * (2 * 400 + 5 * 300) * 8
        + (2 * customers + 4 * products) * sketch * 4
        + 3 * sketch * sketch * 8
        + products * SCORED_AT_ONCE * FAMILIES * 4
        + customers.min(WEIGHED) * POOLED * FAMILIES * 4
        + 200_000_000
}

const FAMILIES: usize = 8;
/// Cases that all families score at once, cases that are weighed, and products of each.
const SCORED_AT_ONCE: usize = 96;
const WEIGHED: usize = 3_000;
const POOLED: usize = 500;

/// EASE^R is exact up to so many products at most: it costs their cube.
const EASE_PRODUCTS: usize = 20_000;

/// Whether `allowed` bytes hold exact EASE^R besides: its matrix while it is solved, then its long rows as they were tuned,
/// in the blend, and in a copy of the blend.
pub fn affords_ease(corpus: &Corpus, dim: usize, allowed: usize) -> bool {
    let n = corpus.products();
    let rows = 3 * n * ease_keep(n) * 8;
    n <= EASE_PRODUCTS
        && ease_bytes(n) <= allowed / 2
        && needed_for(corpus, dim).1 + rows <= allowed
}

/// Interactions, and what [`needed`] says.
fn needed_for(corpus: &Corpus, dim: usize) -> (usize, usize) {
    let touches = corpus.histories.iter().map(|h| h.len()).sum();
    let interactions = corpus
        .histories
        .iter()
        .map(|h| acquisitions(h).count())
        .sum();
    let customers = corpus.histories.len();
    let bytes = needed(touches, interactions, customers, corpus.products(), dim);
    (interactions, bytes)
}

/// Refuses work that would not fit into `allowed` bytes.
pub fn check(corpus: &Corpus, dim: usize, allowed: usize) -> Result<(), FitError> {
    let (interactions, needed) = needed_for(corpus, dim);
    if needed > allowed {
        return Err(FitError::Memory {
            products: corpus.products(),
            interactions,
            needed_gb: needed as f64 / 1e9,
            allowed_gb: allowed as f64 / 1e9,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_of_machine_and_control_groups_counts() {
        let files = |path: &str| {
            let text = match path {
                "/proc/meminfo" => "MemTotal: 9000000 kB\nMemAvailable:   8000000 kB\n",
                "/proc/self/cgroup" => "4:memory:/a/b\n1:cpu:/\n0::/box\n",
                "/sys/fs/cgroup/box/memory.max" => "max\n",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes" => "3000000000\n",
                "/sys/fs/cgroup/memory/a/memory.usage_in_bytes" => "1500000000\n",
                "/sys/fs/cgroup/memory/a/memory.stat" => {
                    "inactive_file 1\ntotal_inactive_file 500000000\n"
                }
                "/sys/fs/cgroup/memory/memory.limit_in_bytes" => "9223372036854771712\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(free(&files), Some(2_000_000_000));
        let without = |path: &str| files(path).filter(|_| path == "/proc/meminfo");
        assert_eq!(free(&without), Some(8_000_000 * 1024));
        let second = |path: &str| match path {
            "/sys/fs/cgroup/box/memory.max" => Some("700".to_owned()),
            "/sys/fs/cgroup/box/memory.current" => Some("200".to_owned()),
            _ => files(path),
        };
        assert_eq!(free(&second), Some(500));
        assert_eq!(free(&|_| None), None);
    }
}
