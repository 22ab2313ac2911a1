//! `source = { … }`: the files, and how their fields are told apart.

use std::collections::HashSet;

use object_store::path::Path as ObjectPath;
use toml::Spanned;

use super::document::SourceTable;
use super::problems::Problems;

/// The most files of one dataset.
const FILES_MAX: usize = 10_000;

/// The files, from `path` or `files`.
pub(super) fn check(
    form: &Spanned<SourceTable>,
    problems: &mut Problems<'_>,
) -> Option<Vec<ObjectPath>> {
    let names: Vec<&Spanned<String>> = match (&form.get_ref().path, &form.get_ref().files) {
        (Some(path), None) => vec![path],
        (None, Some(files)) => files.get_ref().0.iter().collect(),
        (Some(path), Some(_)) => {
            let fix = "keep `path` for one file, `files` for several";
            problems.report(&path.span(), "`path` and `files` are both there", fix);
            return None;
        }
        (None, None) => Vec::new(),
    };
    if names.is_empty() || FILES_MAX < names.len() {
        problems.report(
            &form.span(),
            format!("{} files are named", names.len()),
            format!("add `path` with one file, or `files` with up to {FILES_MAX}"),
        );
        return None;
    }
    let mut seen = HashSet::new();
    let files: Vec<Option<ObjectPath>> = names.iter().map(|name| file(name, problems)).collect();
    for (name, file) in names.iter().zip(&files) {
        if let Some(file) = file
            && !seen.insert(file)
        {
            let problem = format!("`{file}` is named twice");
            problems.report(&name.span(), problem, "take it out here: its rows would count twice");
        }
    }
    files.into_iter().collect()
}

/// A path below the data folder.
pub(super) fn file(name: &Spanned<String>, problems: &mut Problems<'_>) -> Option<ObjectPath> {
    let text = name.get_ref();
    let parsed = ObjectPath::parse(text).ok().filter(|path| {
        // `parse` drops a slash at either end, which would make `/etc/x` mean another file.
        !text.is_empty() && path.as_ref() == text
    });
    if parsed.is_none() {
        problems.report(
            &name.span(),
            format!("`{text}` isn't the path of a data file"),
            "write a path relative to the folder of this configuration (or to `data_folder`), without `..`",
        );
    }
    parsed
}

/// The character between fields.
pub(super) fn delimiter(text: &Spanned<String>, problems: &mut Problems<'_>) -> Option<u8> {
    match text.get_ref().as_bytes() {
        [byte @ (b',' | b';' | b'\t' | b'|' | b':' | b'^' | b'~')] => Some(*byte),
        _ => {
            problems.report(
                &text.span(),
                format!("`{}` isn't known as `delimiter`", text.get_ref().escape_default()),
                "write one of `,`, `;`, `|`, `:`, `^`, `~`, `\\t`",
            );
            None
        }
    }
}
