//! Sorting, and maps in order, that weigh little in the bundle: the standard ones are compiled anew, several kilobytes each, for every
//! type and every comparison.

use std::cmp::Ordering;

/// Sorts; what compares equal keeps its order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let swaps = swaps(items.len(), &|a, b| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    for (a, b) in swaps {
        items.swap(a as usize, b as usize);
    }
}

/// Sorts by a key; what has the same keeps its order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts, and leaves each thing once.
pub fn sort_and_dedup<T: Ord>(items: &mut Vec<T>) {
    sort_by(items, T::cmp);
    items.dedup();
}

/// Sorts numbers.
pub fn sort_numbers(numbers: &mut [u32]) {
    sort_by_order(numbers, &u32::cmp);
}

/// The one sort in the bundle.
fn sort_by_order(numbers: &mut [u32], compare: &dyn Fn(&u32, &u32) -> Ordering) {
    numbers.sort_unstable_by(compare);
}

/// The swaps, in order, that sort so many things.
fn swaps(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<(u32, u32)> {
    // Most of what is sorted stands in order already, or is one thing alone.
    if (1..count).all(|i| compare(i - 1, i).is_le()) {
        return Vec::new();
    }
    let mut wanted: Vec<u32> = (0..count as u32).collect();
    sort_by_order(&mut wanted, &|a, b| compare(*a as usize, *b as usize).then(a.cmp(b)));
    // What stands where, and where what stands, as the swaps change it.
    let mut standing: Vec<u32> = (0..count as u32).collect();
    let mut place = standing.clone();
    let mut swaps = Vec::new();
    for (to, item) in wanted.into_iter().enumerate() {
        let from = place.get(item as usize).copied().unwrap_or_default();
        let moved = standing.get(to).copied().unwrap_or_default();
        if moved == item {
            continue;
        }
        swaps.push((to as u32, from));
        standing.swap(to, from as usize);
        if let Some(place) = place.get_mut(moved as usize) {
            *place = from;
        }
    }
    swaps
}

/// A map of few entries, in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Sorted<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.binary_search_by(|(k, _)| k.borrow().cmp(key))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.get(self.place(key).ok()?).map(|(_, v)| v)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        self.0.get_mut(at).map(|(_, v)| v)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(at) => self.0.splice(at..=at, [(key, value)]).for_each(drop),
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// The value of a key, the default where there was none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = match self.place(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (key, V::default()));
                at
            }
        };
        #[allow(clippy::indexing_slicing, reason = "the place was just found or filled")]
        &mut self.0[at].1
    }

    /// Takes a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Leaves what passes.
    pub fn retain(&mut self, passes: impl Fn(&K, &V) -> bool) {
        self.0.retain(|(k, v)| passes(k, v));
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(k, v)| (k, v))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in order, their values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(k, v)| (&*k, v))
    }

    /// The values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, v)| v)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, v)| v)
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut sorted = Self::default();
        entries.into_iter().for_each(|(k, v)| sorted.insert(k, v));
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_sort_does(keys in prop::collection::vec(0u8..20, 0..200)) {
            let mut ours: Vec<(u8, usize)> = keys.iter().copied().zip(0..).collect();
            let mut theirs = ours.clone();
            sort_by_key(&mut ours, |k| k.0);
            theirs.sort_by_key(|k| k.0);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn a_sorted_map_holds_what_the_standard_one_holds(steps in prop::collection::vec((0u8..3, 0u8..12, 0u8..9), 0..80)) {
            let (mut ours, mut theirs) = (Sorted::default(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0 => { ours.insert(key, value); theirs.insert(key, value); }
                    1 => prop_assert_eq!(ours.remove(&key), theirs.remove(&key)),
                    _ => prop_assert_eq!(ours.get_mut(&key), theirs.get_mut(&key)),
                }
            }
            prop_assert!(ours.iter().eq(theirs.iter()));
            prop_assert!(ours.values().eq(theirs.values()));
        }
    }
}
