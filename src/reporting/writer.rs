//! The thread that writes standard output and standard error. A reader that stalls (a full pipe, a stopped terminal)
//! delays this thread only: the run queues its lines and goes on.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::live_line::{LiveLine, LiveText, TICK};

/// What may wait to be written, in bytes: more than any run prints to a reader that reads.
const MOST: usize = 16 * 1024 * 1024;

/// So many lines are kept back at most: a day of them at a poll a second is less than [`MOST`].
const MOST_HELD: usize = 100_000;

/// What a line takes beside its text.
const LINE: usize = 64;

/// At most so much is handed to the system at once, so that a slow reader is seen to read. A pipe takes a line of this
/// length in one piece.
const PIECE: usize = 4096;

/// The pause before a stream that takes nothing just now is tried again; only one that others made non-blocking is so.
const PAUSE: Duration = Duration::from_millis(10);

/// One of the process's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

#[derive(Debug)]
enum WriterTask {
    Line(Stream, String),
    LiveLine(Option<LiveText>),
}

#[derive(Debug, Default)]
struct Queue {
    tasks: VecDeque<WriterTask>,
    /// What is kept back until it is known whether anybody wants it.
    held: Option<VecDeque<(Stream, String)>>,
    /// What all lines in it take.
    bytes: usize,
    /// Lines that did not fit, and the stream for the notice of them.
    left_out: Option<(u64, Stream)>,
    /// Whether something was taken from it and is not written yet.
    busy: bool,
    /// Grows with everything that a reader took.
    progress: u64,
}

impl Queue {
    fn is_done(&self) -> bool {
        self.tasks.is_empty() && !self.busy && self.left_out.is_none()
    }
}

/// The queue in front of the thread.
#[derive(Debug, Default)]
struct Writer {
    queue: Mutex<Queue>,
    /// There is something to write, or something was written.
    changed: Condvar,
    /// Whether no thread can be had, so that lines are written at once.
    alone: bool,
}

/// The process has one of each stream, so there is one writer.
static WRITER: LazyLock<Writer> = LazyLock::new(|| {
    let thread = std::thread::Builder::new().name("output".to_owned()).spawn(|| WRITER.run());
    Writer { alone: thread.is_err(), ..Writer::default() }
});

/// Queues a line. `notice` is the stream for the notice of lines that had to be left out.
pub(super) fn print(stream: Stream, line: String, notice: Stream) {
    WRITER.push(stream, line, notice, false);
}

/// Queues a line that is never kept back.
pub(super) fn print_at_once(stream: Stream, line: String) {
    WRITER.push(stream, line, stream, true);
}

/// Keeps back what is printed from now on, masks excepted, until it is known whether anybody wants it.
pub(crate) fn hold() {
    WRITER.lock().held.get_or_insert_default();
}

/// Prints what was kept back, or forgets it.
pub(crate) fn release(wanted: bool) {
    let held = WRITER.lock().held.take().unwrap_or_default();
    held.into_iter().filter(|_| wanted).for_each(|(stream, line)| WRITER.push(stream, line, stream, true));
}

/// Shows this in the live line, or takes it away.
pub(super) fn live(text: Option<LiveText>) {
    let mut queue = WRITER.lock();
    // Of what it was to say meanwhile only the last counts.
    if let (Some(WriterTask::LiveLine(Some(_))), Some(_)) = (queue.tasks.back(), &text) {
        queue.tasks.pop_back();
    }
    if !WRITER.alone {
        queue.tasks.push_back(WriterTask::LiveLine(text));
    }
    drop(queue);
    WRITER.changed.notify_all();
}

/// Waits until everything is written, at most `whole`, and no longer than `idle` on a reader that takes nothing.
pub(crate) fn wait(idle: Duration, whole: Duration) {
    let began = Instant::now();
    let mut queue = WRITER.lock();
    let (mut seen, mut since) = (queue.progress, began);
    while !queue.is_done() {
        if queue.progress != seen {
            (seen, since) = (queue.progress, Instant::now());
        }
        let left = idle.saturating_sub(since.elapsed()).min(whole.saturating_sub(began.elapsed()));
        if left.is_zero() {
            return;
        }
        queue = WRITER.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a line, or keeps it back where lines are, unless it is to be printed `at_once`.
    fn push(&self, stream: Stream, line: String, notice: Stream, at_once: bool) {
        let mut queue = self.lock();
        if let Some(held) = queue.held.as_mut().filter(|_| !at_once) {
            held.push_back((stream, line));
            // The oldest make room: the end of a run says most.
            if held.len() > MOST_HELD {
                held.pop_front();
            }
        } else if self.alone {
            write(&mut *open(stream), line.as_bytes(), || ());
        } else if queue.left_out.is_some() || queue.bytes + line.len() + LINE > MOST {
            // Once a line was left out, all are until the reader is back: then a notice stands in their place.
            queue.left_out = Some((queue.left_out.map_or(0, |(lines, _)| lines) + 1, notice));
        } else {
            queue.bytes += line.len() + LINE;
            queue.tasks.push_back(WriterTask::Line(stream, line));
        }
        drop(queue);
        self.changed.notify_all();
    }

    /// The thread: writes for as long as the process lives.
    fn run(&self) {
        let mut streams = [Stream::Out, Stream::Err].map(open);
        let mut shown: Option<LiveLine> = None;
        loop {
            let tick = if shown.is_some() { TICK } else { Duration::MAX };
            let Some(task) = self.next(tick) else {
                shown.iter().for_each(LiveLine::draw);
                continue;
            };
            match task {
                WriterTask::Line(stream, line) => {
                    let [out, err] = &mut streams;
                    let stream = if stream == Stream::Out { out } else { err };
                    let mut print = || write(&mut **stream, line.as_bytes(), || self.progress());
                    match &shown {
                        Some(shown) => shown.suspend(print),
                        None => print(),
                    }
                }
                WriterTask::LiveLine(Some(text)) => match &mut shown {
                    Some(shown) => shown.show(text),
                    None => shown = Some(LiveLine::begin(text)),
                },
                WriterTask::LiveLine(None) => shown.take().iter().for_each(LiveLine::end),
            }
            self.lock().busy = false;
            self.progress();
        }
    }

    /// The next task; none if there is none for so long.
    fn next(&self, tick: Duration) -> Option<WriterTask> {
        let mut queue = self.lock();
        loop {
            let task = queue.tasks.pop_front().or_else(|| {
                let (lines, notice) = queue.left_out.take()?;
                let line = format!("({lines} lines were dropped here, because nothing read the output.)\n");
                Some(WriterTask::Line(notice, line))
            });
            if let Some(task) = task {
                if let WriterTask::Line(_, line) = &task {
                    queue.bytes = queue.bytes.saturating_sub(line.len() + LINE);
                }
                queue.busy = true;
                return Some(task);
            }
            let waited = self.changed.wait_timeout(queue, tick).unwrap_or_else(PoisonError::into_inner);
            queue = waited.0;
            if waited.1.timed_out() && queue.is_done() {
                return None;
            }
        }
    }

    fn progress(&self) {
        let mut queue = self.lock();
        queue.progress += 1;
        drop(queue);
        self.changed.notify_all();
    }
}

/// Writes all of it, unless the reader is gone for good: a closed pipe is no reason to stop following a deployment.
fn write(stream: &mut dyn Write, mut rest: &[u8], progress: impl Fn()) {
    while !rest.is_empty() {
        let (piece, _) = rest.split_at(rest.len().min(PIECE));
        match stream.write(piece) {
            Ok(0) => return,
            Ok(count) => {
                rest = rest.get(count..).unwrap_or_default();
                progress();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::park_timeout(PAUSE),
            Err(_) => return,
        }
    }
    let _ = stream.flush();
}

/// The stream itself: the library's own would keep what could not be written, and its lock.
#[cfg(unix)]
fn open(stream: Stream) -> Box<dyn Write> {
    use std::os::fd::AsFd as _;
    let (out, err) = (std::io::stdout(), std::io::stderr());
    let own = match stream {
        Stream::Out => out.as_fd().try_clone_to_owned(),
        Stream::Err => err.as_fd().try_clone_to_owned(),
    };
    match own {
        Ok(own) => Box::new(std::fs::File::from(own)),
        Err(_) => Box::new(std::io::sink()),
    }
}

#[cfg(not(unix))]
fn open(stream: Stream) -> Box<dyn Write> {
    match stream {
        Stream::Out => Box::new(std::io::stdout()),
        Stream::Err => Box::new(std::io::stderr()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(writer: &Writer) -> String {
        match writer.next(Duration::MAX).unwrap() {
            WriterTask::Line(stream, line) => format!("{stream:?} {line}"),
            WriterTask::LiveLine(live) => format!("{live:?}"),
        }
    }

    #[test]
    fn lines_of_both_streams_stay_in_order() {
        let writer = Writer::default();
        for (n, stream) in [Stream::Out, Stream::Err, Stream::Err, Stream::Out].into_iter().enumerate() {
            writer.push(stream, format!("{n}\n"), Stream::Err, false);
        }
        let seen: Vec<String> = (0..4).map(|_| next(&writer)).collect();
        assert_eq!(seen, ["Out 0\n", "Err 1\n", "Err 2\n", "Out 3\n"]);
    }

    #[test]
    fn what_is_kept_back_keeps_its_order_and_its_end() {
        let writer = Writer::default();
        writer.push(Stream::Out, "before\n".to_owned(), Stream::Err, false);
        writer.lock().held = Some(VecDeque::new());
        for n in 0..MOST_HELD + 2 {
            writer.push(Stream::Err, format!("{n}\n"), Stream::Err, false);
        }
        writer.push(Stream::Out, "a mask\n".to_owned(), Stream::Err, true);
        assert_eq!([next(&writer), next(&writer)], ["Out before\n", "Out a mask\n"]);
        assert!(writer.lock().tasks.is_empty());
        let held = writer.lock().held.take().unwrap();
        let (first, last) = (&held.front().unwrap().1, &held.back().unwrap().1);
        assert_eq!((held.len(), first.as_str(), last), (MOST_HELD, "2\n", &format!("{}\n", MOST_HELD + 1)));
    }

    #[test]
    fn the_lines_that_a_stalled_reader_missed_are_counted_in_their_place() {
        let (writer, line) = (Writer::default(), format!("{}\n", "x".repeat(1023)));
        let fitting = MOST / (line.len() + LINE);
        for _ in 0..fitting + 3 {
            writer.push(Stream::Out, line.clone(), Stream::Err, false);
        }
        for _ in 0..fitting {
            assert_eq!(next(&writer).len(), line.len() + 4);
        }
        writer.push(Stream::Out, "too early\n".to_owned(), Stream::Err, false);
        assert_eq!(next(&writer), "Err (4 lines were dropped here, because nothing read the output.)\n");
        writer.push(Stream::Out, "after\n".to_owned(), Stream::Err, false);
        assert_eq!(next(&writer), "Out after\n");
        writer.lock().busy = false;
        assert!(writer.lock().is_done());
    }

    #[test]
    fn a_line_is_written_whole_though_the_stream_takes_it_in_parts_or_not_just_now() {
        struct Slow(Vec<u8>, u32);
        impl Write for Slow {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.1 += 1;
                match self.1 % 3 {
                    0 => Err(ErrorKind::WouldBlock.into()),
                    1 => Err(ErrorKind::Interrupted.into()),
                    _ => {
                        let some = bytes.len().min(1000);
                        self.0.extend_from_slice(&bytes[..some]);
                        Ok(some)
                    }
                }
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut slow = Slow(Vec::new(), 0);
        write(&mut slow, &[b'x'; 9000], || ());
        assert_eq!(slow.0.len(), 9000);
    }
}
