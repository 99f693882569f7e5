//! Where a run's parts go in the page: between `<!-- NAME -->` and `<!-- end of NAME -->`.
//!
//! What is outside of the marks is prose, written by hand, and stays. A part without figures stays as it was.

use std::fs;
use std::path::Path;

use super::{charts, json, sections};
use crate::results::Results;

/// Writes a run into `FOLDER/performance.md` and draws its charts in `FOLDER/performance/`.
pub(crate) fn write(results: &Results, folder: &Path) -> Result<(), String> {
    let path = folder.join("performance.md");
    let beside = folder.join("performance");
    charts::draw(results, &beside)?;
    let report = serde_json::to_string_pretty(&json::report(results)).map_err(|e| e.to_string())?;
    save(&beside.join("report.json"), &(report + "\n"))?;
    let page = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    save(&path, &filled(page, &sections::all(results))?)
}

fn save(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn filled(mut page: String, sections: &[(&str, String)]) -> Result<String, String> {
    for (name, text) in sections {
        let (begin, end) = (
            format!("<!-- {name} -->"),
            format!("<!-- end of {name} -->"),
        );
        let (before, rest) = page
            .split_once(&begin)
            .ok_or_else(|| format!("the page has no mark {begin}"))?;
        let (_, after) = rest
            .split_once(&end)
            .ok_or_else(|| format!("the page has no mark {end}"))?;
        page = format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim_end());
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "# Title\n<!-- tally -->\nold\n<!-- end of tally -->\nprose\n".to_owned();
        let new = filled(page, &[("tally", "3 rows\n".into())]);
        let expected = "# Title\n<!-- tally -->\n\n3 rows\n\n<!-- end of tally -->\nprose\n";
        assert_eq!(new.as_deref(), Ok(expected));
    }

    #[test]
    fn writing_twice_changes_nothing_more() {
        let page = "<!-- tally --><!-- end of tally -->".to_owned();
        let sections = [("tally", "3 rows".to_owned())];
        let once = filled(page, &sections).expect("marked");
        assert_eq!(filled(once.clone(), &sections), Ok(once));
    }

    #[test]
    fn a_page_without_the_mark_is_told() {
        let trouble = filled(String::new(), &[("tally", String::new())]);
        assert_eq!(trouble, Err("the page has no mark <!-- tally -->".into()));
    }
}
