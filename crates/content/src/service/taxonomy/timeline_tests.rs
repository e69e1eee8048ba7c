use super::*;

fn month(year: i32, month: u32) -> YearMonth {
    YearMonth { year, month }
}

fn months(counts: impl IntoIterator<Item = (YearMonth, u64)>) -> BTreeMap<YearMonth, MonthOfPhotos> {
    let month =
        |(month, photo_count)| (month, MonthOfPhotos { month, photo_count, photos: Vec::new(), events: Vec::new() });
    counts.into_iter().map(month).collect()
}

#[test]
fn an_answer_shows_the_photos_of_the_latest_months() {
    let long = months((1990..=2024).flat_map(|year| (1..=12).map(move |number| (month(year, number), 200))));
    assert_eq!(latest_months(&long, 0), []);
    let full = latest_months(&long, 100);
    assert_eq!((full.len(), full[0], full[11]), (12, month(2024, 12), month(2024, 1)));
    assert_eq!(latest_months(&long, 5).len(), 240);
    assert_eq!(latest_months(&long, 1).len(), 420, "all of them fit");
    let few = months([(month(2022, 1), 0), (month(2023, 1), 3), (month(2024, 1), 200)]);
    assert_eq!(latest_months(&few, 100), [month(2024, 1), month(2023, 1)]);
}

#[test]
fn an_answer_shows_the_photos_of_the_latest_events() {
    let event = |id: i64| TimelineEvent {
        id: TimelineEventId::new(id),
        title: EventTitle::parse("x").unwrap(),
        description: None,
        date: EventDate::parse("2024-03-15").unwrap(),
        kind: EventKind::default(),
        photos: (1..=100).map(|number| PhotoId::new(id * 1000 + number)).collect(),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    let mut events: Vec<_> = (1..=400).map(event).collect();
    events[399].photos.truncate(50);
    cap(&mut events);
    let left: Vec<usize> = events.iter().map(|event| event.photos.len()).collect();
    assert_eq!((left.iter().sum::<usize>(), left[386], left[387], left[388]), (MOST_PHOTOS, 0, 50, 100));
}

#[test]
fn figures_are_over_all_years() {
    let counted = [(month(2022, 5), 111), (month(2024, 1), 25), (month(2024, 3), 111)];
    let stats = TimelineStats::of(&counted, None);
    assert_eq!((stats.total_photos, stats.year_range), (247, Some((2022, 2024))));
    assert_eq!(stats.most_active_month, Some((month(2024, 3), 111)), "the latest of equals");
    assert_eq!(stats.photos_by_year, [(2024, 136), (2022, 111)]);
    assert_eq!(TimelineStats::of(&counted, Some((2020, 2023))).year_range, Some((2020, 2024)));
    assert_eq!(TimelineStats::of(&[], Some((2020, 2020))).year_range, Some((2020, 2020)));
    assert_eq!(TimelineStats::of(&[], None), TimelineStats::default());
}
