//! A sign of life on standard error while something takes long, if a person watches.

use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What is over by then needs no sign of life.
const QUIET_MS: u64 = 400;
/// Between two frames.
const FRAME_MS: u64 = 100;
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Runs the work; after a while, shows that it still runs.
pub(crate) async fn spin<T>(what: &str, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let start = Instant::now();
    let mut ticks =
        interval_at(start + Duration::from_millis(QUIET_MS), Duration::from_millis(FRAME_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut frames = FRAMES.iter().cycle();
    let mut is_shown = false;
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => {
                if is_shown {
                    draw("");
                }
                return result;
            }
            _ = ticks.tick() => {
                let frame = frames.next().copied().unwrap_or("");
                draw(&format!("{frame} {what} {} s", start.elapsed().as_secs()));
                is_shown = true;
            }
        }
    }
}

/// Replaces the line. That it can't be shown is no reason to stop.
fn draw(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "\r\u{1b}[2K{text}").and_then(|()| stderr.flush());
}
