//! The chart of one group of attacks: for each the share of trials that named a leaker, with its exact interval.
//!
//! A dot is what was seen, a line where the chance lies: a bar from nought would hide how few trials there were. Filled dots
//! are blind traces, rings those with the reference, so that the two are told apart without colour, also on paper.

use maud::{Markup, html};

use super::{interval, percent, rate, title};
use crate::trial::board::{Counted, Line};

const LABEL_WIDTH: f64 = 330.0;
const SCALE_WIDTH: f64 = 420.0;
const RIGHT_MARGIN: f64 = 50.0;
const TOP: f64 = 26.0;
const ROW_HEIGHT: f64 = 24.0;

/// Half of the distance between the two marks of a row.
const APART: f64 = 4.5;

/// The chart of lines whose leakers are partners.
pub(super) fn chart(title: &str, lines: &[&Line]) -> Markup {
    let height = TOP + ROW_HEIGHT * lines.len() as f64 + 8.0;
    let width = LABEL_WIDTH + SCALE_WIDTH + RIGHT_MARGIN;
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(title) {
            @for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line class="grid" x1=(x(tick)) x2=(x(tick)) y1=(TOP - 4.0) y2=(height - 8.0);
                text class="tick" x=(x(tick)) y="14" { (percent(tick)) }
            }
            @for (i, line) in lines.iter().enumerate() {
                (row(line, TOP + ROW_HEIGHT * (i as f64 + 0.5)))
            }
        }
    }
}

fn x(share: f64) -> f64 {
    LABEL_WIDTH + 10.0 + (SCALE_WIDTH - 10.0) * share
}

fn row(line: &Line, y: f64) -> Markup {
    let shift = if line.reference.is_some() { APART } else { 0.0 };
    html! {
        text class="label" x=(LABEL_WIDTH) y=(y + 4.0) { (title(line)) }
        (mark(&line.blind, "blind", y - shift))
        @if let Some(reference) = &line.reference {
            (mark(reference, "reference", y + shift))
        }
    }
}

fn mark(counted: &Counted, class: &str, y: f64) -> Markup {
    let [low, high] = counted.right_interval;
    let said = format!(
        "{class}: {} of {}, {}; the chance lies at {}",
        counted.right,
        counted.trials,
        percent(rate(counted)),
        interval(counted.right_interval)
    );
    html! {
        g class=(class) {
            title { (said) }
            line x1=(x(low)) x2=(x(high)) y1=(y) y2=(y);
            circle cx=(x(rate(counted))) cy=(y) r="3.6";
        }
    }
}
