//! Size limits of environment variables.
//!
//! A kernel refuses to start a program with a larger environment, and blames the whole list. These checks name the
//! variable, before anything is started.

use crate::{Error, Result};

/// The maximum size of a variable in bytes, including its name and `=`: what Linux accepts as one string, without the
/// terminating NUL.
pub const MAX_VARIABLE_BYTES: usize = (128 << 10) - 1;

/// The maximum total size of a sandbox's variables in bytes: half of what Linux accepts for the environment and the
/// arguments of a program, which leaves room for those of a command.
pub const MAX_ENVIRONMENT_BYTES: usize = 1 << 20;

/// The overhead of a variable in addition to its name and value: `=`, the terminating NUL, and a pointer.
const EACH: usize = 10;

/// Checks that a variable is not too long to start a program with.
///
/// # Errors
///
/// `invalid_request` for one of more than [`MAX_VARIABLE_BYTES`].
pub fn check_variable(name: &str, value: &str) -> Result<()> {
    if name.len().saturating_add(value.len()) < MAX_VARIABLE_BYTES {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(Error::invalid_request(format!(
        "the variable '{}' is longer than 128 KiB; put the value into a file",
        shown.escape_debug()
    )))
}

/// Checks that programs can be started with these environment variables, given as names and values.
///
/// # Errors
///
/// `invalid_request` as for [`check_variable`], and for more than [`MAX_ENVIRONMENT_BYTES`] in total.
pub fn check_environment<N: AsRef<str>, V: AsRef<str>>(
    variables: impl IntoIterator<Item = (N, V)>,
) -> Result<()> {
    let mut all = 0_usize;
    for (name, value) in variables {
        let (name, value) = (name.as_ref(), value.as_ref());
        check_variable(name, value)?;
        all = all.saturating_add(name.len() + value.len() + EACH);
    }
    if all > MAX_ENVIRONMENT_BYTES {
        return Err(Error::invalid_request(
            "the variables are longer than 1 MiB together; put some of the values into files",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MAX_VARIABLE_BYTES, check_environment};

    #[test]
    fn a_variable_can_be_as_long_as_a_kernel_accepts() {
        let most = "x".repeat(MAX_VARIABLE_BYTES - "NAME=".len());
        check_environment([("NAME", &most)]).unwrap();
        let error = check_environment([("NAME", format!("{most}x"))]).unwrap_err();
        assert!(error.to_string().contains("'NAME' is longer"), "{error}");
    }

    #[test]
    fn all_variables_together_have_a_limit() {
        let value = "x".repeat(100_000);
        let names: Vec<String> = (0..20).map(|number| format!("N{number}")).collect();
        let some = |count| names.iter().take(count).map(|name| (name, &value));
        check_environment(some(10)).unwrap();
        let error = check_environment(some(11)).unwrap_err();
        assert!(error.to_string().contains("together"), "{error}");
        // Many empty ones take space too.
        let empty = (0..200_000).map(|number| (format!("N{number}"), ""));
        check_environment(empty).unwrap_err();
    }
}
