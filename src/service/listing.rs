//! Parts of lists.

/// Some items of a list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    pub items: Vec<T>,
    /// Items beyond these are there already.
    pub has_more: bool,
}

impl<T> Slice<T> {
    /// Of items that were asked for with one more than `limit`.
    #[must_use]
    pub fn of(mut items: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        Self { items, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_item_too_many_only_tells_that_there_is_more() {
        for (fetched, expected, has_more) in [(0, 0, false), (2, 2, false), (3, 2, true)] {
            let slice = Slice::of(vec!['x'; fetched], 2);
            assert_eq!((slice.items.len(), slice.has_more), (expected, has_more));
        }
    }
}
