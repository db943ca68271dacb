//! The screen drawn into a buffer: its layout, and how keys and news change it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use highwater_analyze::{Estimate, GroupBy};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::ask::About;
use super::draw::{self, Theme};
use super::gather::News;
use super::kept::{Bounds, Kept};
use super::model::{Asked, Effect, Model};
use super::samples::{analyst, kept, screen, settle, shop};

const PLAIN: Theme = Theme { colour: false };

fn drawn(model: &Model, theme: Theme) -> TestBackend {
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(frame, model, theme)).unwrap();
    terminal.backend().clone()
}

fn text(model: &Model) -> String {
    drawn(model, PLAIN).to_string()
}

/// Presses the keys in a string: one letter each, or the name of a special key.
fn press(model: &mut Model, keys: &str) -> Option<Effect> {
    let mut last = None;
    for key in keys.split(' ') {
        let code = match key {
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "pgdn" => KeyCode::PageDown,
            "enter" => KeyCode::Enter,
            "tab" => KeyCode::Tab,
            "esc" => KeyCode::Esc,
            "space" => KeyCode::Char(' '),
            letter => KeyCode::Char(letter.chars().next().unwrap()),
        };
        let page = draw::rows(model);
        last = model.press(&KeyEvent::new(code, KeyModifiers::NONE), page);
    }
    last
}

#[test]
fn an_ordinary_screen() {
    let (model, _) = screen(12, (80, 24));
    insta::assert_snapshot!(drawn(&model, PLAIN));
}

#[test]
fn a_wide_screen_compares() {
    let (mut model, mut analyst) = screen(12, (120, 40));
    press(&mut model, "left left left p end 4");
    settle(&mut model, &mut analyst);
    insta::assert_snapshot!(drawn(&model, PLAIN));
}

#[test]
fn a_small_screen_leaves_out_the_stack() {
    let (mut model, mut analyst) = screen(12, (60, 15));
    press(&mut model, "3");
    settle(&mut model, &mut analyst);
    insta::assert_snapshot!(drawn(&model, PLAIN));
    press(&mut model, "1 tab");
    settle(&mut model, &mut analyst);
    assert!(text(&model).contains("heaviest stack"), "{}", text(&model));
}

#[test]
fn the_help_fits_everywhere() {
    let (mut model, _) = screen(1, (60, 15));
    press(&mut model, "?");
    insta::assert_snapshot!(drawn(&model, PLAIN));
    for size in [(80, 24), (120, 40), (60, 15)] {
        model.resize(size);
        let text = text(&model);
        for group in super::keys::GROUPS {
            assert!(text.contains(group.does), "{} at {size:?}:\n{text}", group.does);
        }
    }
}

#[test]
fn a_screen_too_small_says_so() {
    for size in [(39, 24), (80, 9), (1, 1), (10, 2)] {
        let (model, _) = screen(2, size);
        let text = text(&model).replace("\"\n\"", "");
        assert!(size.0 < 20 || text.contains("is too small"), "{text}");
    }
    let (model, _) = screen(2, (40, 10));
    assert!(text(&model).contains("1 live"), "{}", text(&model));
}

#[test]
fn every_size_can_be_drawn_in_every_view() {
    let (mut model, mut analyst) = screen(5, (80, 24));
    for view in ["1", "2", "3", "4", "/", "x", "enter", "?"] {
        press(&mut model, view);
        settle(&mut model, &mut analyst);
        for width in [1, 40, 57, 200] {
            for height in [1, 10, 11, 19, 20, 60] {
                model.resize((width, height));
                drawn(&model, PLAIN);
            }
        }
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let (mut model, mut analyst) = screen(5, (80, 24));
    for view in ["1", "2", "3", "4"] {
        press(&mut model, view);
        settle(&mut model, &mut analyst);
        let cells = |theme| drawn(&model, theme).buffer().content().to_vec();
        let is_plain = |colour: Color| colour == Color::Reset;
        assert!(cells(PLAIN).iter().all(|it| is_plain(it.fg) && is_plain(it.bg)), "view {view}");
        assert!(cells(Theme { colour: true }).iter().any(|it| !is_plain(it.fg)), "view {view}");
    }
}

#[test]
fn the_screen_goes_back_and_follows_again() {
    let (mut model, mut analyst) = screen(5, (80, 24));
    assert!(model.is_following() && model.shown().number == 5);
    press(&mut model, "left left");
    settle(&mut model, &mut analyst);
    assert_eq!((model.shown().number, model.is_following()), (3, false));
    assert!(text(&model).contains("back at 3 of 5") && text(&model).contains("live-bytes 128.0 MiB"));
    model.take(News::Snapshot(Box::new(shop(6))));
    assert_eq!(model.shown().number, 3, "what is looked at stays");
    press(&mut model, "right right right");
    assert_eq!((model.shown().number, model.is_following()), (6, false));
    press(&mut model, "right");
    assert!(model.is_following());
    press(&mut model, "home");
    assert_eq!(model.shown().number, 1);
    press(&mut model, "end");
    assert!(model.is_following());
}

#[test]
fn dropped_snapshots_are_not_shown() {
    let bounds = Bounds { snapshots: 3, bytes: 1 << 20 };
    let mut model = Model::new(
        "snapshots".to_owned(),
        bounds,
        shop(1),
        Asked { sample: None, by: GroupBy::Line },
        (80, 24),
    );
    press(&mut model, "home");
    (2..=4).for_each(|number| model.take(News::Snapshot(Box::new(shop(number)))));
    assert_eq!((model.shown().number, model.is_following()), (2, false));
    assert!(text(&model).contains("kept no longer"), "{}", text(&model));
    assert_eq!(model.pinned.number, 1, "what is pinned is kept");
    press(&mut model, "4");
    settle(&mut model, &mut analyst());
    assert!(text(&model).contains("+40.0 MiB"), "{}", text(&model));
}

#[test]
fn a_question_is_asked_once_and_an_old_answer_is_not_shown() {
    let (mut model, mut analyst) = screen(4, (80, 24));
    assert!(model.question().is_none(), "it was answered");
    press(&mut model, "left");
    let old = model.question().unwrap();
    assert!(model.question().is_none(), "it is on its way");
    press(&mut model, "right right");
    settle(&mut model, &mut analyst);
    let findings = analyst.answer(&old);
    model.answer(super::ask::Answer { key: old.key, findings, remark: None });
    assert!(text(&model).contains("live-bytes 168.0 MiB"), "{}", text(&model));
}

#[test]
fn each_view_asks_its_question() {
    let (mut model, mut analyst) = screen(4, (80, 24));
    let mut shows = |keys: &str, expected: &str| {
        press(&mut model, keys);
        settle(&mut model, &mut analyst);
        let text = text(&model);
        assert!(text.contains(expected), "{keys}: {expected} is not in\n{text}");
    };
    shows("2", "alloc-bytes +80.0 MiB");
    shows("home", "there is no snapshot of this process before this one");
    shows("end 3", "4 snapshots in 3 min 0 s");
    shows("4", "change +120.0 MiB");
    shows("p", "change 0 B");
    shows("1 b", "by function");
    shows("b", "by type");
    shows("b", "by container");
    shows("v", "alloc-blocks 328");
    shows("2", "alloc-blocks +80");
}

#[test]
fn failures_are_counted_until_a_snapshot_arrives() {
    let (mut model, _) = screen(2, (80, 24));
    (0..3).for_each(|_| model.take(News::Trouble("the server answered 500".to_owned())));
    assert!(text(&model).contains("no snapshot (3 times): the server answered 500"), "{}", text(&model));
    model.take(News::Snapshot(Box::new(shop(3))));
    assert!(!text(&model).contains("no snapshot"), "{}", text(&model));
}

#[test]
fn a_comparison_with_another_process_has_a_note() {
    let (mut model, mut analyst) = screen(2, (80, 24));
    model.take(News::Break("the process was restarted".to_owned()));
    let other = |number: usize| {
        let old = shop(number);
        let mut profile = old.profile(&highwater_profile::Limits::default()).unwrap();
        if let Some(meta) = &mut profile.meta {
            meta.process = Some(8);
        }
        let mut bytes = Vec::new();
        highwater_profile::pprof::write(&profile, &mut bytes).unwrap();
        Kept { series: 2, bytes, ..old }
    };
    model.take(News::Snapshot(Box::new(other(3))));
    settle(&mut model, &mut analyst);
    assert!(text(&model).contains("the process was restarted"));
    press(&mut model, "4");
    settle(&mut model, &mut analyst);
    assert!(text(&model).contains("note: the profiles are of two processes"), "{}", text(&model));
    press(&mut model, "2");
    settle(&mut model, &mut analyst);
    assert!(text(&model).contains("no snapshot of this process before"), "{}", text(&model));
    model.take(News::Snapshot(Box::new(other(4))));
    press(&mut model, "p 3");
    settle(&mut model, &mut analyst);
    assert!(text(&model).contains("2 snapshots in"), "{}", text(&model));
}

#[test]
fn a_search_is_typed() {
    let (mut model, _) = screen(2, (80, 24));
    // While a search is typed, letters are not commands.
    assert!(press(&mut model, "/ q s").is_none());
    assert!(text(&model).contains("/qs▏") && text(&model).contains("nothing matches"));
    press(&mut model, "esc / a r c h enter");
    assert_eq!((model.search.as_str(), model.table().rows().len()), ("arch", 1));
    assert!(text(&model).contains("/arch: 1"), "{}", text(&model));
    let (_, mut analyst) = screen(1, (80, 24));
    press(&mut model, "left");
    settle(&mut model, &mut analyst);
    assert_eq!(model.table().rows().len(), 1, "it holds for the next snapshot too");
    press(&mut model, "esc");
    assert_eq!(model.table().rows().len(), 2);
    press(&mut model, "/");
    let end = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(matches!(model.press(&end, 1), Some(Effect::Quit)));
}

#[test]
fn keys_return_actions_outside_of_the_screen() {
    let (mut model, _) = screen(3, (80, 24));
    press(&mut model, "left");
    assert!(matches!(press(&mut model, "s"), Some(Effect::Save(kept)) if kept.number == 2));
    assert!(matches!(press(&mut model, "space"), Some(Effect::Look)));
    assert!(press(&mut model, "? q").is_some_and(|it| matches!(it, Effect::Quit)));
    let (mut model, _) = screen(3, (80, 24));
    assert!(press(&mut model, "? s").is_none(), "any key ends the help, and does no more");
    assert!(!model.is_helping);
}

#[test]
fn the_stack_takes_the_arrows_while_it_has_them() {
    let (mut model, _) = screen(3, (80, 24));
    press(&mut model, "tab down");
    assert_eq!((model.first_frame(), model.table().position()), (1, 0));
    press(&mut model, "down down down");
    assert_eq!(model.first_frame(), 1, "there are two frames");
    press(&mut model, "tab down");
    assert_eq!((model.first_frame(), model.table().position()), (0, 1));
    press(&mut model, "enter");
    assert!(!text(&model).contains("heaviest stack"));
}

#[test]
fn names_cannot_control_the_terminal() {
    let mut first = shop(1);
    first.name = "evil\u{1b}[2J\n.pb.gz".to_owned();
    let asked = Asked { sample: None, by: GroupBy::Line };
    let bounds = Bounds { snapshots: 3, bytes: 1 << 20 };
    let mut model = Model::new("dir\u{1b}]0;x\u{7}".to_owned(), bounds, first, asked, (80, 24));
    model.take(News::Trouble("\u{1b}[31mred\r".to_owned()));
    let backend = drawn(&model, PLAIN);
    assert!(backend.buffer().content().iter().all(|it| !it.symbol().contains(char::is_control)));
}

#[test]
fn extreme_numbers_do_not_panic() {
    let huge = Estimate::normal(i64::MAX, None);
    let mut first = kept(1);
    first.totals.live_bytes = huge;
    first.totals.time_ns = i64::MIN;
    first.totals.alloc_bytes = Some(Estimate { value: i64::MIN, ..huge });
    let mut second = kept(2);
    second.totals.live_bytes.value = -5;
    let asked = Asked { sample: None, by: GroupBy::Line };
    let mut model = Model::new("x".to_owned(), Bounds { snapshots: 3, bytes: 1 }, first, asked, (80, 24));
    drawn(&model, PLAIN);
    model.take(News::Snapshot(Box::new(second)));
    settle(&mut model, &mut analyst());
    assert_eq!(model.about, About::Live);
    let text = text(&model);
    assert!(text.contains("heap-2.pb.gz:"), "it cannot be read, and says so:\n{text}");
}
