//! The anchors that a heading gets in a rendered Markdown page, as GitHub makes them. Not a rule, but part of `links`.

/// Returns the anchors of a page, in the order of its headings.
pub(super) fn anchors(markdown: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in super::links::prose(markdown) {
        let Some(heading) = heading(line) else {
            continue;
        };
        let slug = slug(heading);
        let earlier = anchors
            .iter()
            .filter(|anchor| is_copy_of(anchor, &slug))
            .count();
        anchors.push(if earlier == 0 {
            slug
        } else {
            format!("{slug}-{earlier}")
        });
    }
    anchors
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    ((1..=6).contains(&level) && text.starts_with(' ')).then(|| text.trim())
}

/// Returns whether an anchor is the slug, or the slug with the number of a repeated heading.
fn is_copy_of(anchor: &str, slug: &str) -> bool {
    let Some(rest) = anchor.strip_prefix(slug) else {
        return false;
    };
    let number = rest.strip_prefix('-').unwrap_or_default();
    rest.is_empty() || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn slug(heading: &str) -> String {
    // Only the text of a link is part of the heading.
    let mut text = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::anchors;

    #[test]
    fn anchors_are_those_of_a_rendered_page() {
        let page = "# The `Backend` trait\n## What's new?\n### 4. [Errors](x.md), all\n#hash\n```\n# no heading\n```\n\
                    ## Errors\n## Errors\n";
        assert_eq!(
            anchors(page),
            [
                "the-backend-trait",
                "whats-new",
                "4-errors-all",
                "errors",
                "errors-1"
            ]
        );
    }
}
