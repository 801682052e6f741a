//! The form of a policy's files, for editors.

/// JSON Schema of a policy file. It tells the form only: whether names exist and expressions are
/// total is known when the policy is loaded.
pub const SCHEMA: &str = include_str!("../../../docs/policy.schema.json");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::SCHEMA;
    use crate::file::File;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn keys(object: &Value) -> BTreeSet<String> {
        object.as_object().unwrap().keys().cloned().collect()
    }

    fn said(text: &str) -> Option<String> {
        toml::from_str::<File>(text)
            .err()
            .map(|e| e.message().to_owned())
    }

    /// The words in backticks.
    fn quoted(message: &str) -> Vec<String> {
        message
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    /// The keys that the reader of files knows, but the one that it does not.
    fn known(text: &str) -> BTreeSet<String> {
        quoted(&said(text).unwrap()).into_iter().skip(1).collect()
    }

    fn sample(property: &Value) -> String {
        if let Some(example) = property["examples"][0].as_str() {
            return format!("'{example}'");
        }
        let sample = match property["type"].as_str().unwrap() {
            "string" => "'x'",
            "boolean" => "true",
            "integer" => "1",
            "array" if !property["items"]["enum"].is_null() => "['select']",
            "array" => "['x']",
            _ => "{ a = 1, b = 'x', c = true }",
        };
        sample.to_owned()
    }

    /// Whether a value is as the schema says, of the words that ours uses.
    fn fits(value: &Value, schema: &Value) -> bool {
        let is = |name: &str| match name {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() && schema["minimum"].as_i64() <= value.as_i64(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        let typed = match &schema["type"] {
            Value::String(name) => is(name),
            Value::Array(names) => names.iter().any(|n| is(n.as_str().unwrap())),
            _ => true,
        };
        let listed = schema["enum"]
            .as_array()
            .is_none_or(|words| words.contains(value));
        let items = value.as_array().into_iter().flatten();
        let filled =
            schema["minItems"].is_null() || value.as_array().is_some_and(|v| !v.is_empty());
        let given = value.as_object().into_iter().flatten();
        let required = schema["required"].as_array().into_iter().flatten();
        typed
            && listed
            && filled
            && items.into_iter().all(|v| fits(v, &schema["items"]))
            && required
                .into_iter()
                .all(|name| !value[name.as_str().unwrap()].is_null())
            && given
                .into_iter()
                .all(|(name, v)| match schema["properties"].get(name) {
                    Some(property) => fits(v, property),
                    None => {
                        schema["additionalProperties"] != json!(false)
                            && fits(v, &schema["additionalProperties"])
                    }
                })
    }

    #[test]
    fn the_schema_knows_what_the_reader_of_files_knows() {
        let schema = schema();
        assert_eq!(known("nothing_like_it = 1"), keys(&schema["properties"]));
        for (kind, table) in schema["properties"].as_object().unwrap() {
            let entry = &table["items"];
            if entry["properties"].is_null() {
                assert_eq!(said(&format!("{kind} = {}", sample(table))), None, "{kind}");
                continue;
            }
            let text = format!("[[{kind}]]\n");
            assert_eq!(
                known(&format!("{text}nothing_like_it = 1")),
                keys(&entry["properties"]),
                "{kind}"
            );
            let mut needed = BTreeSet::new();
            let mut given = text;
            while let Some(message) = said(&given) {
                let name = quoted(&message).remove(0);
                assert!(message.starts_with("missing field"), "{kind}: {message}");
                given += &format!("{name} = {}\n", sample(&entry["properties"][&name]));
                needed.insert(name);
            }
            let required: Vec<String> = serde_json::from_value(entry["required"].clone()).unwrap();
            assert_eq!(needed, required.into_iter().collect(), "{kind}");
            for (name, property) in entry["properties"].as_object().unwrap() {
                if !needed.contains(name) {
                    let text = format!("{given}{name} = {}\n", sample(property));
                    assert_eq!(said(&text), None, "{text}");
                }
            }
        }
        let words = known("[[deny]]\non = 'x'\nprivileges = ['nothing_like_it']");
        for kind in ["grant", "deny"] {
            let listed =
                &schema["properties"][kind]["items"]["properties"]["privileges"]["items"]["enum"];
            let listed: BTreeSet<String> = serde_json::from_value(listed.clone()).unwrap();
            assert_eq!(listed, words);
        }
    }

    #[test]
    fn the_policies_that_we_show_fit_it() {
        let schema = schema();
        let fits = |text: &str| {
            let value: Value = toml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            fits(&value, &schema)
        };
        assert!(fits(include_str!("../../../conformance/demo/policy.toml")));
        let shown = include_str!("../../../docs/policy.md")
            .split("```toml\n")
            .skip(1);
        let mut count = 0;
        for block in shown.map(|block| block.split("```").next().unwrap()) {
            assert!(fits(block), "{block}");
            assert_eq!(said(block), None, "{block}");
            count += 1;
        }
        assert!(count > 5, "{count}");
        for bad in [
            "x = 1",
            "[[role]]",
            "[[role]]\nname = 1",
            "[[deny]]\non = 'x'\nprivileges = ['x']",
            "[[limit]]\nstatements = 0",
        ] {
            assert!(!fits(bad), "{bad}");
        }
    }
}
