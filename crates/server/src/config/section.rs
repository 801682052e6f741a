//! Sections as data: one declaration gives the type, its defaults, its documentation and its names
//! in the environment.

use super::value::Value;

/// One key as the documentation shows it.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) about: String,
    pub(crate) value_type: &'static str,
    pub(crate) default: String,
    pub(crate) environment: Option<&'static str>,
}

/// Looks a variable of the environment up.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Documents one key.
pub(crate) fn key<T: Value>(
    name: &'static str,
    about: &[&str],
    default: &T,
    environment: Option<&'static str>,
) -> Key {
    let default = default.to_string();
    let default = match (default.is_empty(), T::BARE) {
        (true, _) => String::new(),
        (false, true)
            if default.parse::<u64>().is_err() && default != "true" && default != "false" =>
        {
            format!("\"{default}\"")
        }
        (false, true) => default,
        (false, false) => format!("\"{default}\""),
    };
    Key {
        name,
        about: about
            .iter()
            .map(|line| line.trim())
            .collect::<Vec<_>>()
            .join(" "),
        value_type: T::TYPE,
        default,
        environment,
    }
}

/// Reads a value from the environment, if it is there.
pub(crate) fn overridden<T: Value>(
    variable: &str,
    environment: Environment<'_>,
) -> Result<Option<T>, String> {
    match environment(variable) {
        Some(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|e: String| format!("{variable}: {e}")),
        None => Ok(None),
    }
}

/// Declares sections.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])*
        $section:ident {
            $(
                $(#[doc = $doc:literal])*
                $key:ident: $type:ty = $default:literal $(, env $variable:literal)?;
            )*
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $section {
            $($(#[doc = $doc])* pub(crate) $key: $type,)*
        }

        impl Default for $section {
            fn default() -> Self {
                Self {
                    $($key: $default.parse::<$type>().expect("a test reads every default"),)*
                }
            }
        }

        impl $section {
            /// What the section is about.
            pub(crate) const ABOUT: &'static [&'static str] = &[$($about),*];

            /// Its keys.
            pub(crate) fn keys() -> Vec<crate::config::section::Key> {
                let default = Self::default();
                vec![$(crate::config::section::key(
                    stringify!($key),
                    &[$($doc),*],
                    &default.$key,
                    None$(.or(Some($variable)))?,
                ),)*]
            }

            /// Takes what the environment says.
            #[allow(unused_variables, reason = "sections without names in the environment")]
            pub(crate) fn override_from(
                &mut self,
                environment: crate::config::section::Environment<'_>,
            ) -> Result<(), String> {
                $($(
                    if let Some(value) = crate::config::section::overridden($variable, environment)? {
                        self.$key = value;
                    }
                )?)*
                Ok(())
            }
        }
    )*};
}

pub(crate) use sections;
