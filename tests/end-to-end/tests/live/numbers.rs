//! The screen's content against the answers of `--json` about the same files.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use highwater_analyze::{Estimate, Unit};
use highwater_report::{amount, change};
use highwater_tests::chromium::picture;
use highwater_tests::codeindex::{Series, ask};
use highwater_tests::highwater;
use highwater_tests::terminal::Terminal;
use serde_json::Value;

use super::{DOWN, END, HOME, LEFT, Live};

/// A screen on which labels are complete.
const WIDE: (u16, u16) = (180, 45);

fn number(value: &Value) -> Estimate {
    let [standard_error, low, high] = ["standard_error", "low", "high"].map(|it| value[it].as_f64());
    Estimate { value: value["value"].as_i64().unwrap(), standard_error, low, high }
}

/// A number and its margin in the form of two table cells.
fn cells(value: &Value, sign: bool) -> String {
    let it = number(value);
    let text = if sign { change(&it, &Unit::Bytes) } else { highwater_report::estimate(&it, &Unit::Bytes) };
    // If there is no error, a table shows 0.
    let text = if text.contains(" ± ") || text.contains(" (+") { text } else { format!("{text} ± 0 B") };
    text.replace(" ± ", " ").replace(" (+", " +").replace(')', "")
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text without the content of angle brackets: a label that is too long first loses its type arguments.
fn without_arguments(text: &str) -> String {
    // A probability below a thousandth is not an argument.
    let text = text.replace("<0.", "0.");
    let mut depth = 0usize;
    let mut previous = ' ';
    let mut kept = String::new();
    for it in text.chars() {
        match it {
            '<' => depth += 1,
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(it),
            _ => {}
        }
        previous = it;
    }
    kept.trim_end_matches(':').to_owned()
}

/// Checks that the first rows of the table equal an answer's; `cells` makes the expected text of each.
#[track_caller]
fn same(screen: &str, answer: &Value, cells: impl Fn(&Value) -> String) {
    let lines: Vec<String> = screen.lines().map(words).collect();
    let head = lines.iter().position(|it| it.ends_with(" where")).unwrap_or_else(|| panic!("{screen}"));
    let rows = answer["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for (row, line) in rows.iter().zip(&lines[head + 1..]).take(8) {
        let expected = words(&cells(row));
        let label = without_arguments(&words(row["key"]["label"].as_str().unwrap()));
        // Long labels lose their beginnings.
        let tail: String = label.chars().rev().take(25).collect::<Vec<_>>().into_iter().rev().collect();
        assert!(line.starts_with(&expected), "{expected} is not the beginning of {line}\n{screen}");
        assert!(without_arguments(line).ends_with(&tail), "{tail} is not the end of {line}\n{screen}");
    }
}

fn top(file: &Path, more: &[&str]) -> Value {
    ask(&[&["top", "--min-fraction", "0", "--limit", "500"], more].concat(), &[file]).0
}

#[test]
fn the_screen_equals_json() {
    let series = Series::with_fault("leak");
    let files = series.files();
    let (first, last) = (&files[0], &files[files.len() - 1]);
    let mut live = Live::start(series.path().to_str().unwrap(), &[], WIDE);
    let newest = format!("following: {0} of {0}", files.len());

    let flat = |it: &Value| cells(&it["flat"], false);
    let screen = live.settled(&newest);
    let answer = top(last, &[]);
    same(&screen, &answer, flat);
    assert!(screen.contains(&format!("live-bytes {}", total(&answer))), "{screen}");
    let mut wrong = answer.clone();
    wrong["rows"][1]["flat"]["value"] = (number(&answer["rows"][1]["flat"]).value + (1 << 20)).into();
    assert!(panic::catch_unwind(|| same(&screen, &wrong, flat)).is_err(), "another number is not noticed");
    // The stack begins with the line that the row is about.
    let frame = answer["rows"][0]["key"]["label"].as_str().unwrap();
    let (_, stack) = screen.split_once("heaviest stack").unwrap();
    assert!(stack.contains(frame), "{frame}\n{screen}");

    // By name, which is the last order, and back to the ranking.
    live.terminal.press("ooo");
    let screen = live.settled("↓name");
    let mut by_name = answer.clone();
    by_name["rows"].as_array_mut().unwrap().sort_by_key(|it| it["key"]["label"].as_str().unwrap().to_owned());
    same(&screen, &by_name, flat);
    live.terminal.press("o");
    live.settled("↓rank");
    live.terminal.press("b");
    same(&live.settled("by function"), &top(last, &["--by", "function"]), flat);
    live.terminal.press("b");
    same(&live.settled("by type"), &top(last, &["--by", "type"]), flat);
    live.terminal.press("bbbbbb");
    live.settled("by line");

    live.terminal.press("2");
    let (rate, _) = ask(
        &["diff", "--sample", "alloc-bytes", "--noise", "--min-fraction", "1e-300", "--limit", "500"],
        &files[files.len() - 2..],
    );
    let span_ns = rate["new"]["time_ns"].as_i64().unwrap() - rate["base"]["time_ns"].as_i64().unwrap();
    let screen = live.settled("per second");
    same(&screen, &rate, |it| {
        let per_second = number(&it["change"]).per_second(span_ns).unwrap();
        format!("{} ", amount(per_second.value, &Unit::Bytes))
    });

    live.terminal.press("3");
    let (trend, _) = ask(&["trend", "--min-fraction", "0", "--rows", "500"], &[series.path()]);
    let screen = live.settled("per hour");
    same(&screen, &trend, |it| cells(&it["growth_per_hour"], true));
    assert!(screen.contains("leak"), "{screen}");

    // Back to the first snapshot, which is pinned, and to the last one again.
    live.terminal.press("1");
    live.terminal.press(HOME);
    let screen = live.settled(&format!("back at 1 of {}", files.len()));
    same(&screen, &top(first, &[]), flat);
    live.terminal.press("p");
    live.terminal.press(END);
    live.terminal.press("4");
    let screen = live.settled("change +");
    // The screen has no rows without any change.
    let diff = ["diff", "--noise", "--min-fraction", "1e-300", "--limit", "500"];
    same(&screen, &ask(&diff, &[first, last]).0, |it| cells(&it["change"], true));
    live.terminal.press(LEFT);
    live.terminal.press("p");
    live.terminal.press(END);
    let screen = live.settled(&format!("pin {}", files.len() - 1));
    same(&screen, &ask(&diff, &files[files.len() - 2..]).0, |it| cells(&it["change"], true));
}

fn total(answer: &Value) -> String {
    highwater_report::estimate(&number(&answer["header"]["total"]), &Unit::Bytes)
}

#[test]
fn rows_are_searched_and_snapshots_saved() {
    let series = Series::with_fault("leak");
    let files = series.files();
    let mut live = Live::start(series.path().to_str().unwrap(), &[], (80, 24));
    live.settled(&format!("following: {0} of {0}", files.len()));
    let answer = top(&files[files.len() - 1], &[]);
    let leaf = answer["rows"][0]["key"]["function"].as_str().unwrap();
    let name = leaf.rsplit("::").next().unwrap();
    live.terminal.press(&format!("/{name}\r"));
    let matching = |row: &&Value| {
        let has = |it: &Value| it.to_string().to_lowercase().contains(&name.to_lowercase());
        has(&row["key"]["label"]) || row["stack"].as_array().unwrap().iter().any(|it| has(&it["function"]))
    };
    let expected = answer["rows"].as_array().unwrap().iter().filter(matching).count();
    assert!(expected > 0 && expected < answer["rows"].as_array().unwrap().len());
    live.settled(&format!("/{name}: {expected}"));
    live.terminal.press("\x1b");
    live.terminal.wait("the end of the search", |it| !it.contains(&format!("/{name}")));

    live.terminal.press(LEFT);
    live.settled(&format!("back at {} of {}", files.len() - 1, files.len()));
    live.terminal.press("s");
    // The path is longer than the line, so only its beginning is checked.
    live.terminal.wait_for("saved /");
    let saved: Vec<PathBuf> = fs::read_dir(live.saves_into()).unwrap().map(|it| it.unwrap().path()).collect();
    let saved = saved.iter().find(|it| it.extension().is_some_and(|it| it == "gz")).unwrap();
    assert_eq!(fs::read(saved).unwrap(), fs::read(&files[files.len() - 2]).unwrap());
    live.terminal.press(DOWN);
    live.settled("back at");
}

/// README's picture is a copy of this one.
#[test]
fn a_picture_is_made() {
    let series = Series::with_fault("leak");
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(series.path(), place.path().join("snapshots")).unwrap();
    let [place, highwater] = [place.path(), highwater()].map(|it| it.to_str().unwrap());
    let arguments = ["-c", "cd \"$0\" && exec \"$@\"", place, highwater, "live", "snapshots", "--no-cache"];
    let terminal = Terminal::run(Path::new("sh"), &arguments, &[], (110, 30));
    let mut live = Live { terminal, own: tempfile::tempdir().unwrap() };
    let files = series.files().len();
    live.settled(&format!("following: {files} of {files}"));
    live.terminal.press("3");
    live.settled("per hour");
    // Paths are relative to the workspace's root, wherever that is.
    let root = highwater_tests::repository();
    let page = live.terminal.page().replace(&format!("{}/", root.display()), "");
    picture("live", &page, false, (1024, 538));
}
