//! Parses a glob into characters, wildcards and slashes, with its braces expanded.

use crate::search::segment::Token;

/// The maximum number of alternatives to which the braces of one request can expand.
pub(super) const MAX_ALTERNATIVES: usize = 1024;

/// The maximum number of parts of all alternatives of a glob together.
const MAX_PARTS: usize = 256 << 10;

/// The maximum nesting of braces. The parser is recursive.
const MAX_DEPTH: usize = 32;

/// A part of a glob without braces.
#[derive(Clone, Debug)]
pub(super) enum Flat {
    Token(Token),
    Slash,
}

/// Why braces are not expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Braces {
    TooDeep,
    TooMany,
}

/// Parses a glob, and expands its braces.
pub(super) fn expand(glob: &str) -> Result<Vec<Vec<Flat>>, Braces> {
    let mut reader = Reader::new(glob);
    let nodes = reader.list(0);
    if reader.too_deep {
        return Err(Braces::TooDeep);
    }
    expand_nodes(&nodes).ok_or(Braces::TooMany)
}

/// A part of a pattern as written.
#[derive(Clone, Debug)]
enum Node {
    Flat(Flat),
    Group(Vec<Vec<Self>>),
}

/// Parses a pattern. Unclosed groups end with it: globset rejects such patterns.
struct Reader<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    too_deep: bool,
}

impl<'a> Reader<'a> {
    fn new(glob: &'a str) -> Self {
        Self {
            chars: glob.chars().peekable(),
            too_deep: false,
        }
    }

    /// Parses up to the end, or within a group up to the `,` or `}` that ends an alternative, which is not consumed.
    fn list(&mut self, depth: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.chars.peek().copied() {
            if depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            self.chars.next();
            let flat = match c {
                '{' if depth < MAX_DEPTH => {
                    nodes.push(self.group(depth + 1));
                    continue;
                }
                '{' => {
                    self.too_deep = true;
                    break;
                }
                '*' => Flat::Token(Token::Star),
                '?' => Flat::Token(Token::One),
                '[' => Flat::Token(self.class()),
                '/' => Flat::Slash,
                '\\' => match self.chars.next() {
                    Some('/') => Flat::Slash,
                    escaped => Flat::Token(Token::Char(escaped.unwrap_or('\\'))),
                },
                c => Flat::Token(Token::Char(c)),
            };
            nodes.push(Node::Flat(flat));
        }
        nodes
    }

    fn group(&mut self, depth: usize) -> Node {
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.list(depth));
            if self.chars.next() != Some(',') {
                return Node::Group(alternatives);
            }
        }
    }

    fn class(&mut self) -> Token {
        let negated = self.chars.next_if(|c| matches!(c, '!' | '^')).is_some();
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut in_range = false;
        let mut first = true;
        for c in self.chars.by_ref() {
            match c {
                ']' if !first => break,
                '-' if !first && !in_range => in_range = true,
                c => match ranges.last_mut() {
                    Some(range) if in_range => {
                        range.1 = c;
                        in_range = false;
                    }
                    _ => ranges.push((c, c)),
                },
            }
            first = false;
        }
        if in_range {
            ranges.push(('-', '-'));
        }
        Token::Class { negated, ranges }
    }
}

/// Replaces groups with each of their alternatives; `None` if there are too many.
fn expand_nodes(nodes: &[Node]) -> Option<Vec<Vec<Flat>>> {
    let mut expanded: Vec<Vec<Flat>> = vec![Vec::new()];
    for node in nodes {
        match node {
            Node::Flat(flat) => {
                for so_far in &mut expanded {
                    so_far.push(flat.clone());
                }
            }
            Node::Group(alternatives) => {
                let mut tails = Vec::new();
                for alternative in alternatives {
                    tails.extend(expand_nodes(alternative)?);
                }
                if expanded.len() * tails.len() > MAX_ALTERNATIVES {
                    return None;
                }
                expanded = expanded
                    .iter()
                    .flat_map(|so_far| {
                        tails
                            .iter()
                            .map(move |tail| so_far.iter().chain(tail).cloned().collect())
                    })
                    .collect();
            }
        }
        if expanded.iter().map(Vec::len).sum::<usize>() > MAX_PARTS {
            return None;
        }
    }
    Some(expanded)
}
