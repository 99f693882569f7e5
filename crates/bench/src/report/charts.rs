//! The charts, as SVG.
//!
//! One shows evlet and the best peer in every row, as ratios to tokio; one for each curve shows how a cost grows.
//! Colours tell contestants apart, and so does the order of the legend.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use super::row::{OURS, figure_of, rows};
use crate::growth::{CURVES, Curve};
use crate::measure::median;
use crate::results::{Results, key};
use crate::scenario::Figure;

/// A chart that could not be drawn.
type Trouble = Box<dyn Error>;

const BLUE: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
const ORANGE: RGBColor = RGBColor(0xe0, 0x7b, 0x1a);
const GREY: RGBColor = RGBColor(0x77, 0x77, 0x77);
const FONT: &str = "sans-serif";

/// Draws what a run has figures for; returns the names of the files.
pub(crate) fn draw(results: &Results, folder: &Path) -> Result<Vec<String>, String> {
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut drawn = Vec::new();
    let bars = bars(results);
    if !bars.is_empty() {
        let name = "ratios.svg".to_owned();
        ratios(&bars, &folder.join(&name)).map_err(|e| format!("{name}: {e}"))?;
        drawn.push(name);
    }
    for curve in CURVES {
        let lines = lines(results, curve);
        if lines.is_empty() {
            continue;
        }
        let name = file_of(curve);
        growth(curve, &lines, &folder.join(&name)).map_err(|e| format!("{name}: {e}"))?;
        drawn.push(name);
    }
    Ok(drawn)
}

/// The file that shows a curve.
pub(crate) fn file_of(curve: &Curve) -> String {
    format!("growth-{}.svg", curve.scenario.trim_start_matches("grow-"))
}

/// A row of the first chart: ratios to tokio.
#[derive(Debug, PartialEq)]
struct Bar {
    title: &'static str,
    evlet: f64,
    best_peer: Option<f64>,
}

fn bars(results: &Results) -> Vec<Bar> {
    let bar = |row: super::row::RowOf<'_>| {
        let evlet = row.ratio_to("tokio")?.median;
        let best = row.best_peer()?;
        Some(Bar {
            title: row.row.title,
            evlet,
            best_peer: row
                .ratio_between(&best.name, &row, "tokio")
                .map(|ratio| ratio.median),
        })
    };
    rows(results).filter_map(bar).collect()
}

/// A contestant's line: how many there are, and nanoseconds for one operation.
type Line = (&'static str, Vec<(f64, f64)>);

fn lines(results: &Results, curve: &Curve) -> Vec<Line> {
    let line = |name: &&'static str| {
        let points: Vec<_> = results
            .sizes(curve.scenario)
            .into_iter()
            .filter_map(|size| Some((size as f64, cost(results, curve, size, name)?)))
            .collect();
        (!points.is_empty()).then_some((*name, points))
    };
    curve.contestants.iter().filter_map(line).collect()
}

/// The median over the rounds of a curve's point.
pub(crate) fn cost(results: &Results, curve: &Curve, size: u64, name: &str) -> Option<f64> {
    let series = results.series(&key(curve.scenario, Some(size)), name)?;
    let mut figures: Vec<_> = series
        .rounds
        .values()
        .filter_map(|figures| figure_of(Figure::Cpu, figures))
        .collect();
    (!figures.is_empty()).then(|| median(&mut figures))
}

fn colour(name: &str) -> RGBColor {
    match name {
        OURS => BLUE,
        "tokio" => ORANGE,
        _ => GREY,
    }
}

/// Bars from 1 (tokio) down to what a contestant needs, on a logarithmic scale: twice as good is as long
/// everywhere.
fn ratios(bars: &[Bar], path: &Path) -> Result<(), Trouble> {
    let height = 90 + 26 * bars.len() as u32;
    let root = SVGBackend::new(path, (980, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let lowest = bars
        .iter()
        .flat_map(|bar| [Some(bar.evlet), bar.best_peer])
        .flatten()
        .fold(0.1_f64, |low, ratio| low.min(ratio.max(0.01)));
    let count = bars.len() as f64;
    let mut chart = ChartBuilder::on(&root)
        .caption("CPU or memory, tokio = 1, shorter is better", (FONT, 17))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(400)
        .build_cartesian_2d((lowest * 0.9..2.0_f64).log_scale(), 0.0..count)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_labels(8)
        .x_label_formatter(&|x| super::figure::ratio(*x))
        .label_style((FONT, 13))
        .draw()?;
    let left = lowest * 0.9;
    let within = |ratio: f64| ratio.clamp(left, 2.0);
    for (at, bar) in bars.iter().enumerate() {
        let top = count - at as f64;
        let area = [(left, top - 0.15), (within(bar.evlet), top - 0.6)];
        chart.draw_series([Rectangle::new(area, BLUE.filled())])?;
        if let Some(best) = bar.best_peer {
            let area = [(left, top - 0.6), (within(best), top - 0.8)];
            chart.draw_series([Rectangle::new(area, GREY.mix(0.6).filled())])?;
        }
        let (x, y) = chart.backend_coord(&(left, top - 0.42));
        let style =
            TextStyle::from((FONT, 14).into_font()).pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Right,
                plotters::style::text_anchor::VPos::Center,
            ));
        let label = format!("{}  {}", bar.title, super::figure::ratio(bar.evlet));
        root.draw_text(&label, &style, (x - 8, y))?;
    }
    chart.draw_series(LineSeries::new(
        [(1.0, 0.0), (1.0, count)],
        ORANGE.stroke_width(2),
    ))?;
    let style = (FONT, 13).into_font();
    root.draw_text(
        "blue: evlet; grey: best peer; line: tokio",
        &style.into(),
        (12, 12),
    )?;
    root.present()?;
    Ok(())
}

fn growth(curve: &Curve, lines: &[Line], path: &Path) -> Result<(), Trouble> {
    let root = SVGBackend::new(path, (720, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let points = || lines.iter().flat_map(|(_, points)| points);
    let widest = points().map(|(x, _)| *x).fold(1e3, f64::max);
    let highest = points().map(|(_, y)| *y).fold(1.0, f64::max);
    let lowest = points().map(|(_, y)| *y).fold(highest, f64::min).max(1.0);
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("{}: ns of CPU", curve.title), (FONT, 18))
        .margin(12)
        .x_label_area_size(45)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (100.0..widest * 1.2).log_scale(),
            (lowest / 2.0..highest * 2.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(curve.of)
        .x_label_formatter(&|x| super::figure::bare(crate::scenario::Unit::Nanoseconds, *x))
        .y_label_formatter(&|y| super::figure::shown(crate::scenario::Unit::Nanoseconds, *y))
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()?;
    for (name, points) in lines {
        let colour = colour(name);
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                colour.stroke_width(2),
            ))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.iter().map(|at| Circle::new(*at, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font((FONT, 13))
        .draw()?;
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CURVES, cost, draw, file_of};
    use crate::report::row::tests::run;
    use crate::results::key;

    #[test]
    fn a_curve_is_drawn_of_what_there_is() {
        let curve = &CURVES[0];
        let mut results = run(
            &key(curve.scenario, Some(100)),
            &[("evlet", &[40.0, 50.0, 60.0])],
        );
        results.replace_with(run(&key(curve.scenario, Some(1000)), &[("evlet", &[55.0])]));
        assert_eq!(cost(&results, curve, 100, "evlet"), Some(50.0));
        let folder = std::env::temp_dir().join(format!("evlet-charts-{}", std::process::id()));
        let drawn = draw(&results, &folder);
        let svg = std::fs::read_to_string(folder.join(file_of(curve)));
        let _ = std::fs::remove_dir_all(&folder);
        assert_eq!(drawn, Ok(vec![file_of(curve)]));
        assert!(svg.is_ok_and(|svg| svg.contains("spawn and join")));
    }
}
