//! How large variables of an environment may be.
//!
//! A kernel refuses a program whose environment is larger, and says it of the whole list. Here it is said of the variable,
//! and before anything is started.

use crate::{Error, Result};

/// The most bytes that a variable may have, its name and `=` included: what Linux takes as one text, without the byte
/// that ends it.
pub const MAX_VARIABLE_BYTES: usize = (128 << 10) - 1;

/// The most bytes that all variables of a sandbox may have together: half of what Linux takes for the environment and
/// the arguments of a program, so that there is room for those of a command.
pub const MAX_ENVIRONMENT_BYTES: usize = 1 << 20;

/// What a variable takes beside its name and value: `=`, the byte that ends it, and a pointer to it.
const EACH: usize = 10;

/// Checks that a variable is not too long for a program to be started with it.
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

/// Checks that programs can be started in an environment with these variables, which are names and values.
///
/// # Errors
///
/// `invalid_request` as [`check_variable`], and for more than [`MAX_ENVIRONMENT_BYTES`] of all together.
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
    fn a_variable_is_as_long_as_a_kernel_takes_it() {
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
        // Many that are empty take room as well.
        let empty = (0..200_000).map(|number| (format!("N{number}"), ""));
        check_environment(empty).unwrap_err();
    }
}
