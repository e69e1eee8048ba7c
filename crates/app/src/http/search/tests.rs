use proptest::prelude::*;
use sharestack_kernel::page::MAX_LIMIT;

use super::*;

fn issues(read: impl FnOnce(&mut FieldErrors)) -> Vec<String> {
    let mut check = FieldErrors::new();
    read(&mut check);
    let errors = check.finish().err();
    errors.iter().flat_map(FieldErrors::iter).map(|one| format!("{} {}", one.field, one.issue.code())).collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn days_stand_in_their_order() {
    let read = |from: &str, to: &str| {
        issues(|check| {
            days(check, Some(text(from)), Some(text(to)));
        })
    };
    assert!(read("2024-01-01", "2024-01-01").is_empty());
    assert_eq!(read("2024-01-02", "2024-01-01"), ["date_to OUT_OF_RANGE"]);
    assert_eq!(read("2024-02-30", "24-1-1"), ["date_from INVALID_FORMAT", "date_to INVALID_FORMAT"]);
}

#[test]
fn every_page_that_is_promised_can_be_read() {
    let read = |number: u64, limit: u32| {
        issues(|check| {
            page(check, Some(&number.to_string()), Some(&limit.to_string()));
        })
    };
    for limit in 1..=MAX_LIMIT {
        let promised = |number: u64| {
            let request = PageRequest::try_new(u32::try_from(number).unwrap(), limit).unwrap();
            let answer = serde_json::to_value(found((), request, 1_000_000).pagination()).unwrap();
            (answer["total_pages"].as_u64().unwrap(), answer["has_next"].as_bool().unwrap(), answer["total"].clone())
        };
        let (last, has_next, total) = promised(1);
        assert_eq!((has_next, total), (true, serde_json::json!(1_000_000)));
        assert_eq!(read(last, limit), [""; 0], "{last} of {limit}");
        assert!(promised(last - 1).1 && !promised(last).1);
        assert!(last * u64::from(limit) >= DEEPEST, "what can be reached is on some page of {limit}");
        assert_eq!(read(last + 1, limit), ["page OUT_OF_RANGE"]);
    }
}

#[test]
fn the_best_first_has_one_direction() {
    let known = [("taken_at", 1)];
    let read = |by: Option<&str>, order: Option<&str>| {
        let mut check = FieldErrors::new();
        let sort = sort(&mut check, by.map(text), order.map(text), &known);
        check.finish().map(|()| sort.map(|(sort, order)| (sort, order == Order::Ascending))).ok()
    };
    assert_eq!(read(None, None), Some(None));
    assert_eq!(read(Some("relevance"), Some("desc")), Some(None));
    assert_eq!(read(Some("taken_at"), None), Some(Some((1, false))));
    assert_eq!(read(Some("taken_at"), Some("asc")), Some(Some((1, true))));
    for (by, order) in [(None, Some("asc")), (Some("relevance"), Some("asc")), (Some("id"), None), (None, Some("up"))] {
        assert_eq!(read(by, order), None, "{by:?} {order:?}");
    }
}

/// What is read; `None` when it is refused.
fn accepted<T>(read: impl FnOnce(&mut FieldErrors) -> T) -> Option<T> {
    let mut check = FieldErrors::new();
    let value = read(&mut check);
    check.finish().ok().map(|()| value)
}

/// A text that must be read as a value, or any other.
fn written<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
    write: fn(&T) -> String,
) -> impl Strategy<Value = (String, Option<T>)> {
    prop_oneof![
        2 => value.prop_map(move |value| (write(&value), Some(value))),
        1 => "[-0-9a-z夜景,<>/ ]{0,300}".prop_map(|text| (text, None)),
        1 => ".{0,300}".prop_map(|text| (text, None)),
    ]
}

fn dates() -> impl Strategy<Value = NaiveDate> {
    (0..40_000_u64).prop_map(|days| chrono::DateTime::UNIX_EPOCH.date_naive() + chrono::Days::new(days))
}

proptest! {
    #[test]
    fn words_are_read_or_refused((q, meant) in written("[a-z夜景]{1,200}", String::clone)) {
        let read = accepted(|check| words(check, Some(q)));
        if meant.is_some() {
            prop_assert_eq!(&read, &meant);
        }
        if let Some(text) = read {
            prop_assert!((1..=LONGEST).contains(&text.chars().count()) && text.trim() == text);
        }
    }

    #[test]
    fn names_of_tags_are_read_or_refused(
        (names, meant) in written(prop::collection::vec("[a-z夜景]{1,50}", 1..=MOST_TAGS), |names| names.join(" ,"))
    ) {
        let read = accepted(|check| tags(check, Some(names)));
        if meant.is_some() {
            let names: Option<Vec<String>> =
                read.as_ref().map(|tags| tags.iter().map(|tag| tag.key().to_owned()).collect());
            prop_assert_eq!(names, meant);
        }
        prop_assert!(read.is_none_or(|tags| tags.len() <= MOST_TAGS));
    }

    #[test]
    fn names_of_facets_are_read_or_refused(
        (names, meant) in written(
            prop::sample::subsequence(Facet::ALL.to_vec(), 1..=Facet::ALL.len()),
            |facets| facets.iter().map(|facet| facet.as_str()).chain([facets[0].as_str()]).collect::<Vec<_>>().join(", ")
        )
    ) {
        let read = accepted(|check| facets(check, Some(names)));
        if meant.is_some() {
            prop_assert_eq!(&read, &meant);
        }
        prop_assert!(read.is_none_or(|facets| facets.len() <= Facet::ALL.len()));
    }

    #[test]
    fn days_are_read_or_refused(
        (from, first) in written(dates(), ToString::to_string), (to, last) in written(dates(), ToString::to_string)
    ) {
        let read = accepted(|check| days(check, Some(from), Some(to)));
        if let (Some(first), Some(last)) = (first, last) {
            prop_assert_eq!(read, (first <= last).then_some((Some(first), Some(last))));
        }
        if let Some((Some(first), Some(last))) = read {
            prop_assert!(first <= last);
        }
    }

    #[test]
    fn orders_are_read_or_refused(
        (by, meant_by) in written(prop::sample::select(vec![RELEVANCE, "taken_at"]), |by| (*by).to_owned()),
        (order, meant_order) in written(prop::sample::select(vec!["asc", "desc"]), |order| (*order).to_owned())
    ) {
        let read = accepted(|check| sort(check, Some(by), Some(order), &[("taken_at", ())]));
        let read = read.map(|sort| sort.map(|((), order)| order));
        match (meant_by, meant_order) {
            (Some(RELEVANCE), Some(order)) => prop_assert_eq!(read, (order == "desc").then_some(None)),
            (Some(_), Some("asc")) => prop_assert_eq!(read, Some(Some(Order::Ascending))),
            (Some(_), Some(_)) => prop_assert_eq!(read, Some(Some(Order::Descending))),
            _ => {}
        }
    }
}
