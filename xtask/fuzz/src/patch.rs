//! Applies a unified diff in the simplest way: an edit's diff must be the change that it made.

/// Applies a unified diff to a text, or says why it does not fit. Lines are compared with their endings.
pub(crate) fn apply(text: &str, diff: &str) -> Result<String, String> {
    let old: Vec<&str> = text.split_inclusive('\n').collect();
    let mut new = String::new();
    let mut at = 0;
    let mut lines = diff
        .split_inclusive('\n')
        .skip_while(|line| !line.starts_with("@@"))
        .peekable();
    while let Some(line) = lines.next() {
        if let Some(start) = line.strip_prefix("@@ -") {
            let start = hunk_start(start).ok_or_else(|| format!("no hunk: {line:?}"))?;
            for line in old.get(at..start).ok_or("hunks out of order")? {
                new.push_str(line);
            }
            at = start;
            continue;
        }
        // A line without an ending is followed by a note that says so.
        let ends = lines.peek().is_some_and(|next| next.starts_with('\\'));
        let (mark, body) = line.split_at_checked(1).ok_or("an empty line")?;
        let body = if ends {
            body.strip_suffix('\n').unwrap_or(body)
        } else {
            body
        };
        match mark {
            "\\" => {}
            "+" => new.push_str(body),
            " " | "-" => {
                let have = old
                    .get(at)
                    .ok_or_else(|| format!("past the end: {line:?}"))?;
                if *have != body {
                    return Err(format!("line {} is {have:?}, not {body:?}", at + 1));
                }
                if mark == " " {
                    new.push_str(body);
                }
                at += 1;
            }
            _ => return Err(format!("not a line of a diff: {line:?}")),
        }
    }
    for line in old.get(at..).unwrap_or_default() {
        new.push_str(line);
    }
    Ok(new)
}

/// Returns how many lines are before the hunk `3,7 +3,8 @@`.
fn hunk_start(header: &str) -> Option<usize> {
    let (old, _) = header.split_once(" +")?;
    let (start, count) = old.split_once(',').unwrap_or((old, "1"));
    let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
    // An empty range names the line before it.
    if count == 0 {
        Some(start)
    } else {
        start.checked_sub(1)
    }
}
