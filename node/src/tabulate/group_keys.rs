//! What the keys of groups take of memory: each group as much as its keys may, and as long as its texts are.

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;
use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use insitu_engine::common::{Result, ScalarValue};
use insitu_engine::logical_expr::Expr;

use super::memory::Share;

/// What is known of groups' keys before there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct GroupKeys {
    /// Bytes of a group's keys without their texts.
    fixed: usize,
    /// How many of them are texts: the aggregate's last arguments.
    texts: usize,
    /// Of a longer text no more is counted: a longer one can only be from the data.
    longest: usize,
}

/// A group in the engine's table of groups,
const GROUP: usize = 64;
/// and each of its keys.
const KEY: usize = 32;
/// A text of a column is hardly ever longer; where it is, what is longer isn't counted.
const COLUMN_TEXT: usize = 1_024;
/// As long as a text of a column usually is at most.
const USUAL_TEXT: usize = 64;

/// Tables have room for half as many texts again.
const fn with_room(bytes: usize) -> usize {
    bytes.saturating_add(bytes / 2)
}

impl GroupKeys {
    /// So many keys, of which so many are texts, computed so.
    pub(super) fn of<'a>(
        keys: usize,
        texts: usize,
        computed: impl IntoIterator<Item = &'a Expr>,
    ) -> Self {
        let longest = computed.into_iter().map(longest_text).fold(0, usize::max);
        let fixed = GROUP.saturating_add(KEY.saturating_mul(keys));
        Self { fixed, texts, longest }
    }

    /// Bytes of one group, its texts apart.
    pub(super) const fn fixed(self) -> usize {
        self.fixed
    }

    /// Bytes of one group, with texts as long as they usually are at most, or as the question makes them.
    pub(super) fn with_texts(self) -> usize {
        let text = with_room(self.longest.max(USUAL_TEXT));
        self.fixed.saturating_add(self.texts.saturating_mul(text))
    }

    /// The texts among an aggregate's arguments.
    fn texts_of(self, arguments: &[ArrayRef]) -> &[ArrayRef] {
        arguments.get(arguments.len().saturating_sub(self.texts)..).unwrap_or_default()
    }

    /// Has the texts held of groups that are new with these rows, until the question ends: states go on without them. There
    /// were `before` groups.
    pub(super) fn hold(
        self,
        share: &Share,
        arguments: &[ArrayRef],
        groups: &[usize],
        before: usize,
        now: usize,
    ) -> Result<()> {
        if self.texts == 0 || now <= before {
            return Ok(());
        }
        let most = self.longest.max(COLUMN_TEXT);
        let mut seen = vec![false; now.saturating_sub(before)];
        let mut bytes = 0_usize;
        for (row, group) in groups.iter().enumerate() {
            let Some(new) = group.checked_sub(before).and_then(|new| seen.get_mut(new)) else {
                continue;
            };
            if !std::mem::replace(new, true) {
                let lengths = self.texts_of(arguments).iter().map(|texts| length(texts, row));
                bytes = lengths.fold(bytes, |bytes, one| bytes.saturating_add(one.min(most)));
            }
        }
        share.hold(with_room(bytes).saturating_mul(share.tables()))
    }
}

/// How long the longest text is that the expression names.
fn longest_text(expr: &Expr) -> usize {
    let mut longest = 0;
    // It never ends early.
    let _ = expr.apply(|expr| {
        if let Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
            _,
        ) = expr
        {
            longest = text.len().max(longest);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    longest
}

/// Bytes of a text.
pub(super) fn length(texts: &ArrayRef, row: usize) -> usize {
    if texts.len() <= row || texts.is_null(row) {
        return 0;
    }
    match texts.data_type() {
        DataType::Utf8 => texts.as_string::<i32>().value(row).len(),
        DataType::LargeUtf8 => texts.as_string::<i64>().value(row).len(),
        DataType::Utf8View => texts.as_string_view().value(row).len(),
        // Texts come in no other way.
        _ => USUAL_TEXT,
    }
}
