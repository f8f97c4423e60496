//! `cat`.

use serde_json::json;

use crate::support::Place;

#[test]
fn text_is_printed_as_it_is() {
    let text = "one\r\ntwo\u{1b}[0m\n\u{2028}three";
    let place = Place::with(&[("a", text), ("empty", ""), ("b", "B\n")]);
    assert_eq!(place.run(["cat", "a"]).ok(), text);
    assert_eq!(place.run(["cat", "empty"]).ok(), "");
    assert_eq!(place.run(["cat", "b", "empty", "b"]).ok(), "B\nB\n");
}

#[test]
fn windows_numbers_and_hashes() {
    let place = Place::with(&[("a", "one\ntwo\nthree\nfour\n")]);
    assert_eq!(place.run(["cat", "a", "-l", "2:3"]).ok(), "two\nthree\n");
    assert_eq!(place.run(["cat", "a", "-l", ":1"]).ok(), "one\n");
    assert_eq!(place.run(["cat", "a", "-l", "4:"]).ok(), "four\n");
    assert_eq!(place.run(["cat", "a", "-l", "3"]).ok(), "three\n");
    assert_eq!(
        place.run(["cat", "a", "-nl", "3:9"]).ok(),
        "     3\tthree\n     4\tfour\n"
    );
    let hashed = place.run(["cat", "a", "--hashes", "-l", "2"]).ok();
    assert!(
        hashed.starts_with("2:") && hashed.ends_with("|two\n"),
        "{hashed}"
    );
    let told = place.run(["cat", "a", "-l", "9:"]).told(2);
    assert!(told.contains("4 lines"), "{told}");
}

#[test]
fn utf_16_is_printed_as_utf_8() {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend("hä\nb".encode_utf16().flat_map(u16::to_le_bytes));
    let place = Place::new();
    place.put("a", &bytes);
    assert_eq!(place.run(["cat", "a"]).ok(), "hä\nb");
    assert_eq!(place.run(["cat", "--bytes", "a"]).stdout, bytes);
    place.put("bom", "\u{feff}x\n");
    assert_eq!(place.run(["cat", "bom"]).ok(), "x\n");
    assert_eq!(place.run(["cat", "-b", "bom"]).ok(), "\u{feff}x\n");
}

#[test]
fn a_file_that_is_not_text_needs_bytes() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let place = Place::new();
    place.put("bytes", &bytes);
    let told = place.run(["cat", "bytes"]).told(8);
    assert!(told.contains("--bytes"), "{told}");
    assert_eq!(place.run(["cat", "--bytes", "bytes"]).stdout, bytes);
    let part = place.run(["cat", "--bytes", "--range", "10:20", "bytes"]);
    assert_eq!(part.stdout, bytes[10..20]);
    assert_eq!(
        place
            .run(["cat", "-b", "--range", "99999:", "bytes"])
            .stdout
            .len(),
        1
    );
    let document = place.json(&["cat", "--bytes", "--range", "250:260", "bytes"]);
    assert_eq!(document["results"][0]["base64"], "+vv8/f7/AAECAw==");
    assert_eq!(document["results"][0]["size"], 100_000);
}

#[test]
fn a_big_file_comes_whole_and_in_pieces() {
    let line = "0123456789 äöü\n";
    let text = line.repeat(1_000_000);
    let place = Place::with(&[("big", &text)]);
    assert!(text.len() > 16 << 20);
    assert_eq!(place.run(["cat", "big"]).stdout, text.as_bytes());
    assert_eq!(place.run(["cat", "--bytes", "big"]).stdout, text.as_bytes());
    let end = place.run(["cat", "big", "-nl", "999999:"]).ok();
    assert_eq!(end, format!("999999\t{line}1000000\t{line}"));
    let most = place.run(["cat", "big", "-l", "2:"]).stdout;
    assert_eq!(most.len(), text.len() - line.len());
    assert!(most == text.as_bytes()[line.len()..]);
}

#[test]
fn a_long_line_is_not_cut() {
    let line = "x".repeat(9 << 20);
    let place = Place::with(&[("long", &line)]);
    assert_eq!(place.run(["cat", "long"]).stdout, line.as_bytes());
    assert_eq!(
        place.run(["cat", "-n", "long"]).stdout.len(),
        line.len() + 7
    );
}

#[test]
fn text_that_ends_in_the_middle_is_reported() {
    let mut bytes = "x\n".repeat(20 << 20).into_bytes();
    bytes.extend([0xff, b'\n']);
    let place = Place::new();
    place.put("late", &bytes);
    let ran = place.run(["cat", "late"]);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
}

#[test]
fn a_page_as_json_says_where_to_go_on() {
    let place = Place::with(&[("a", &"x\n".repeat(3000)), ("b", "1\n2\n")]);
    let results = &place.json(&["cat", "a", "b", "c"])["results"];
    assert_eq!(results[0]["lines"], 2000);
    assert_eq!(results[0]["next_offset"], 2000);
    assert_eq!(results[0]["total_lines"], 3000);
    assert_eq!(results[1]["text"], "1\n2\n");
    assert_eq!(results[1]["next_offset"], json!(null));
    assert_eq!(results[1]["encoding"], "utf8");
    assert_eq!(results[2]["error"]["kind"], "not_found");
    let window = &place.json(&["cat", "a", "-l", "2001:2002"])["results"][0];
    assert_eq!(window["first_line"], 2001);
    assert_eq!(window["lines"], 2);
    let hashed = &place.json(&["cat", "b", "--hashes"])["results"][0]["rendered"];
    assert!(hashed.as_str().unwrap().starts_with("1:"), "{hashed}");
}
