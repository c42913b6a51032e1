//! A second opinion on delimited text, for property tests and fuzzing.

/// The columns of a text by the table of states that the documentation has, a byte at a time.
pub(crate) fn columns_by_states(text: &[u8], separator: u8, quote: u8) -> Option<Vec<Vec<u8>>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Initial,
        Plain,
        Quoted,
        AfterQuote,
    }
    let (mut columns, mut column, mut state) = (Vec::new(), Vec::new(), State::Initial);
    for byte in text {
        state = match state {
            State::Initial | State::Plain | State::AfterQuote if *byte == separator => {
                columns.push(std::mem::take(&mut column));
                State::Initial
            }
            State::Initial if *byte == quote => State::Quoted,
            State::Quoted if *byte == quote => State::AfterQuote,
            State::Plain if *byte == quote => return None,
            State::AfterQuote if *byte != quote => return None,
            State::Initial | State::Plain => {
                column.push(*byte);
                State::Plain
            }
            State::Quoted | State::AfterQuote => {
                column.push(*byte);
                State::Quoted
            }
        };
    }
    columns.push(column);
    (state != State::Quoted).then_some(columns)
}
