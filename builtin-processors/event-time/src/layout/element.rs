//! The elements of layouts: how they are recognized in the text of a layout.

/// What a layout has elements for. `text` is how Go writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Element {
    LongMonth,
    ShortMonth,
    Month2,
    Month,
    LongWeekday,
    ShortWeekday,
    Day2,
    BlankDay,
    Day,
    DayOfYear3,
    BlankDayOfYear,
    Hour,
    Hour12In2,
    Hour12,
    Minute2,
    Minute,
    Second2,
    Second,
    Year4,
    Year2,
    Meridiem,
    SmallMeridiem,
    OffsetSeconds,
    OffsetColonSeconds,
    OffsetMinutes,
    OffsetColonMinutes,
    OffsetHours,
    ZuluSeconds,
    ZuluColonSeconds,
    ZuluMinutes,
    ZuluColonMinutes,
    ZuluHours,
    ZoneName,
}

impl Element {
    /// Returns the element that the text of a layout begins with; of several, the longest.
    pub(crate) fn at_start(layout: &str) -> Option<Self> {
        let is_here = |element: &Self| {
            let continues = |begins: fn(&u8) -> bool| layout.as_bytes().get(element.text().len()).is_some_and(begins);
            layout.starts_with(element.text())
                && match element {
                    // `Month` is no `Mon`.
                    Self::ShortMonth | Self::ShortWeekday => !continues(u8::is_ascii_lowercase),
                    // A year after `_`.
                    Self::BlankDay => !layout.starts_with("_2006"),
                    _ => true,
                }
        };
        TEXTS.iter().map(|(element, _)| *element).filter(is_here).max_by_key(|element| element.text().len())
    }

    /// Returns what a value has to have in its place.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::LongMonth => "the name of a month",
            Self::ShortMonth => "three letters of a month",
            Self::LongWeekday => "the name of a weekday",
            Self::ShortWeekday => "three letters of a weekday",
            Self::Month2 | Self::Day2 | Self::Hour12In2 | Self::Minute2 | Self::Second2 | Self::Year2 => "two digits",
            Self::DayOfYear3 => "three digits",
            Self::Year4 => "four digits",
            Self::Month | Self::Day | Self::BlankDay | Self::BlankDayOfYear => "a digit",
            Self::Hour | Self::Hour12 | Self::Minute | Self::Second => "a digit",
            Self::Meridiem => "AM or PM",
            Self::SmallMeridiem => "am or pm",
            Self::OffsetHours => "an offset such as +08",
            Self::OffsetMinutes => "an offset such as +0800",
            Self::OffsetSeconds => "an offset such as +080000",
            Self::OffsetColonMinutes => "an offset such as +08:00",
            Self::OffsetColonSeconds => "an offset such as +08:00:00",
            Self::ZuluHours => "Z or an offset such as +08",
            Self::ZuluMinutes => "Z or an offset such as +0800",
            Self::ZuluSeconds => "Z or an offset such as +080000",
            Self::ZuluColonMinutes => "Z or an offset such as +08:00",
            Self::ZuluColonSeconds => "Z or an offset such as +08:00:00",
            Self::ZoneName => "the abbreviation of a zone",
        }
    }

    /// Returns how a layout writes the element.
    pub(crate) fn text(self) -> &'static str {
        TEXTS[self as usize].1
    }
}

/// In the order of the variants.
const TEXTS: [(Element, &str); 33] = [
    (Element::LongMonth, "January"),
    (Element::ShortMonth, "Jan"),
    (Element::Month2, "01"),
    (Element::Month, "1"),
    (Element::LongWeekday, "Monday"),
    (Element::ShortWeekday, "Mon"),
    (Element::Day2, "02"),
    (Element::BlankDay, "_2"),
    (Element::Day, "2"),
    (Element::DayOfYear3, "002"),
    (Element::BlankDayOfYear, "__2"),
    (Element::Hour, "15"),
    (Element::Hour12In2, "03"),
    (Element::Hour12, "3"),
    (Element::Minute2, "04"),
    (Element::Minute, "4"),
    (Element::Second2, "05"),
    (Element::Second, "5"),
    (Element::Year4, "2006"),
    (Element::Year2, "06"),
    (Element::Meridiem, "PM"),
    (Element::SmallMeridiem, "pm"),
    (Element::OffsetSeconds, "-070000"),
    (Element::OffsetColonSeconds, "-07:00:00"),
    (Element::OffsetMinutes, "-0700"),
    (Element::OffsetColonMinutes, "-07:00"),
    (Element::OffsetHours, "-07"),
    (Element::ZuluSeconds, "Z070000"),
    (Element::ZuluColonSeconds, "Z07:00:00"),
    (Element::ZuluMinutes, "Z0700"),
    (Element::ZuluColonMinutes, "Z07:00"),
    (Element::ZuluHours, "Z07"),
    (Element::ZoneName, "MST"),
];
