//! The plot: claimed probability to the right, measured probability upwards, both in powers of ten.
//!
//! A file of its own that loads nothing. It brings its own light ground, so that it reads the same on a dark page.

use std::fmt::Write as _;

use crate::splitting::Estimate;

/// One leak: an estimate for each claim of 1e-1, 1e-2, and so on.
pub struct Series {
    pub name: &'static str,
    pub points: Vec<Estimate>,
}

pub struct Figure {
    pub series: Vec<Series>,
    /// A claim that is no bound, so that it can be seen what failing looks like.
    pub control: Series,
    /// Half the length of a bar, in standard errors.
    pub z: f64,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 600.0;

/// The edges of the plot within the picture.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 736.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 540.0;

/// Powers of ten at the far ends.
const FURTHEST_CLAIM: f64 = -12.6;
const FURTHEST_MEASURE: f64 = -15.6;

const GROUND: &str = "#fcfcfa";
const INK: &str = "#20242c";
const FAINT: &str = "#5d6470";
const GRID: &str = "#e4e6ea";
const LEAKS: &str = "#9aa3b0";
const NEAREST: &str = "#1f5fa8";
const CONTROL: &str = "#b8430f";

impl Figure {
    pub fn svg(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"100%\" \
             style=\"max-width:{WIDTH}px\" role=\"img\" font-family=\"system-ui, sans-serif\" \
             aria-label=\"Measured against claimed probability of accusing an innocent\">"
        );
        let _ = writeln!(
            out,
            r#"<rect x="0.5" y="0.5" width="{}" height="{}" rx="8" fill="{GROUND}" stroke="{GRID}"></rect>"#,
            WIDTH - 1.0,
            HEIGHT - 1.0
        );
        text(
            &mut out,
            (24.0, 34.0),
            "start",
            INK,
            "16",
            "An innocent is accused less often than the bound claims",
        );
        text(
            &mut out,
            (24.0, 56.0),
            "start",
            FAINT,
            "13",
            "Every try paid for; one line for each hostile leak; bars: 95 % intervals",
        );
        self.axes(&mut out);
        let nearest = self.nearest();
        for (i, series) in self.series.iter().enumerate() {
            if i != nearest {
                self.line(&mut out, series, LEAKS, 1.0);
            }
        }
        self.line(&mut out, &self.series[nearest], NEAREST, 2.0);
        self.line(&mut out, &self.control, CONTROL, 2.0);
        self.labels(&mut out, &self.series[nearest]);
        out.push_str("</svg>\n");
        out
    }

    /// The leak whose measured probability comes nearest to its claim of 1e-6.
    fn nearest(&self) -> usize {
        let measure = |i: &usize| self.series[*i].points[5].probability;
        (0..self.series.len()).max_by(|a, b| measure(a).total_cmp(&measure(b))).expect("a leak")
    }

    fn axes(&self, out: &mut String) {
        let corner = (x(0.0), y(0.0));
        let end = (x(FURTHEST_CLAIM), y(FURTHEST_CLAIM));
        let _ = writeln!(
            out,
            r##"<path d="M{:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1} Z" fill="#f6e9e2"></path>"##,
            corner.0, corner.1, end.0, end.1, end.0, corner.1
        );
        for power in [0, -3, -6, -9, -12, -15] {
            let at = f64::from(power);
            rule(out, (LEFT, y(at)), (RIGHT, y(at)), GRID);
            text(out, (LEFT - 10.0, y(at) + 4.0), "end", FAINT, "13", &power_of_ten(power));
            if at >= FURTHEST_CLAIM {
                rule(out, (x(at), TOP), (x(at), BOTTOM), GRID);
                text(out, (x(at), BOTTOM + 20.0), "middle", FAINT, "13", &power_of_ten(power));
            }
        }
        rule(out, corner, end, INK);
        let middle = (LEFT + RIGHT) / 2.0;
        text(out, (middle, BOTTOM + 44.0), "middle", INK, "13", "claimed probability");
        text(out, (24.0, TOP - 14.0), "start", INK, "13", "measured probability");
    }

    /// Points with their bars, joined.
    fn line(&self, out: &mut String, series: &Series, colour: &str, width: f64) {
        let _ = writeln!(
            out,
            r#"<g stroke="{colour}" stroke-width="{width}" fill="none"><title>{}</title>"#,
            series.name
        );
        let reached = series.points.iter().enumerate().filter(|(_, point)| point.probability > 0.0);
        let places: Vec<(f64, &Estimate)> = reached.map(|(i, point)| (x(-(i as f64 + 1.0)), point)).collect();
        let path: Vec<String> =
            places.iter().map(|(x, point)| format!("{x:.1},{:.1}", y(point.probability.log10()))).collect();
        let _ = writeln!(out, r#"<polyline points="{}" stroke-opacity="0.6"></polyline>"#, path.join(" "));
        for (x, point) in places {
            let (low, high) = point.interval(self.z);
            let (from, to, middle) = (y(low.log10()), y(high.log10()), y(point.probability.log10()));
            let _ = writeln!(out, r#"<path d="M{x:.1} {from:.1} V{to:.1}"></path>"#);
            let _ = writeln!(
                out,
                r#"<circle cx="{x:.1}" cy="{middle:.1}" r="2" fill="{colour}" stroke="none"></circle>"#
            );
        }
        out.push_str("</g>\n");
    }

    fn labels(&self, out: &mut String, nearest: &Series) {
        text(out, (x(-12.3), y(-1.4)), "start", CONTROL, "13", "above the diagonal a bound is broken");
        let control = &self.control.points[6];
        text(out, (x(-7.2), y(control.probability.log10()) - 10.0), "end", CONTROL, "13", self.control.name);
        text(
            out,
            (RIGHT - 12.0, y(-11.6)),
            "end",
            NEAREST,
            "13",
            &format!("nearest to its claim: {}", nearest.name),
        );
        text(
            out,
            (RIGHT - 12.0, y(-12.6)),
            "end",
            FAINT,
            "13",
            &format!("{} other leaks", self.series.len() - 1),
        );
    }
}

fn x(power: f64) -> f64 {
    RIGHT + (RIGHT - LEFT) * power / -FURTHEST_CLAIM
}

fn y(power: f64) -> f64 {
    TOP + (BOTTOM - TOP) * power.max(FURTHEST_MEASURE) / FURTHEST_MEASURE
}

fn power_of_ten(power: i32) -> String {
    if power == 0 { "1".into() } else { format!("1e{power}") }
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, colour: &str, size: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\" \
         font-size=\"{size}\">{words}</text>",
        at.0, at.1
    );
}

fn rule(out: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let _ = writeln!(
        out,
        r#"<path d="M{:.1} {:.1} L{:.1} {:.1}" stroke="{colour}" fill="none"></path>"#,
        from.0, from.1, to.0, to.1
    );
}
