//! Documents that a specification prints.

use serde_json::Value;

/// Whether an answer shows all that a printed document does, with the same values. It may
/// show more: fields that came later, and the rest of a list of which the document prints
/// the beginning. A list that is printed empty is empty.
#[track_caller]
pub fn assert_shows(answer: &Value, sample: &Value) {
    if let Some(problem) = difference(answer, sample, "$") {
        panic!("{problem}\n{answer:#}");
    }
}

fn difference(answer: &Value, sample: &Value, place: &str) -> Option<String> {
    match sample {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| match answer.get(name) {
            Some(found) => difference(found, value, &format!("{place}.{name}")),
            None => Some(format!("{place}.{name} is not there")),
        }),
        Value::Array(items) if items.is_empty() && answer != sample => Some(format!("{place} is {answer}, not empty")),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, value)| match answer.get(index) {
            Some(found) => difference(found, value, &format!("{place}[{index}]")),
            None => Some(format!("{place}[{index}] is not there")),
        }),
        // 1 and 1.0 are the same number in JSON.
        Value::Number(number) if answer.as_f64().is_some_and(|found| Some(found) == number.as_f64()) => None,
        _ if answer == sample => None,
        _ => Some(format!("{place} is {answer}, not {sample}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_shows_what_is_printed_and_may_show_more() {
        let sample = json!({ "id": 1, "tags": [{ "id": 2 }], "children": [] });
        let shows = |answer: Value| difference(&answer, &sample, "$");
        assert_eq!(
            shows(json!({ "id": 1.0, "tags": [{ "id": 2, "x": 0 }, { "id": 3 }], "children": [], "y": 0 })),
            None
        );
        for (answer, problem) in [
            (
                json!({ "id": 1, "tags": [{ "id": 2 }], "children": [{ "id": 9 }] }),
                "$.children is [{\"id\":9}], not empty",
            ),
            (json!({ "id": 1, "tags": [{ "id": 2 }], "children": null }), "$.children is null, not empty"),
            (json!({ "id": 1, "tags": [{ "id": 2 }] }), "$.children is not there"),
            (json!({ "id": 1, "tags": [], "children": [] }), "$.tags[0] is not there"),
            (json!({ "id": 2, "tags": [{ "id": 2 }], "children": [] }), "$.id is 2, not 1"),
        ] {
            assert_eq!(shows(answer).as_deref(), Some(problem));
        }
    }
}
