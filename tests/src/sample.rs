//! Documents that a specification prints.

use serde_json::Value;

/// Whether an answer shows all that a printed document does, with the same values. It may
/// show more: fields that came later, and the rest of a list of which the document prints
/// the beginning.
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
