//! TensorBoard event files.

mod hparams;
mod messages;
mod picture;
mod records;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use fs_err as fs;
use prost::Message;

use self::hparams::Session;
use self::messages::{
    Event, HistogramProto, Image, PluginData, SessionLog, SessionStatus, Summary, SummaryMetadata,
    TensorProto, Value, What, Widget,
};
use self::picture::Painter;
use self::records::Writer;
use crate::entry::{Entry, Record, Run};
use crate::error::Result;
use crate::histogram::Histogram;
use crate::sink::{Outcome, Sink};

/// Version of event files that TensorBoard expects in their first event.
const FILE_VERSION: &str = "brain.Event:2";

/// Type of strings in tensors.
const DT_STRING: i32 = 7;

/// Events of a run in a new file. A run that goes on begins with an event by which TensorBoard drops what was written after
/// the checkpoint.
pub struct TensorBoard {
    writer: Writer,
    painter: Painter,
    session: Session,
}

impl TensorBoard {
    /// Creates a file in a folder.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub fn create(folder: &Path, run: &Run) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let now = SystemTime::now();
        let host = sysinfo::System::host_name().unwrap_or_else(|_| "localhost".to_owned());
        let name = format!(
            "events.out.tfevents.{:010}.{host}.{}.{}",
            seconds(now) as u64,
            std::process::id(),
            run.first_step
        );
        let mut sink = Self {
            writer: Writer::create(&folder.join(name))?,
            painter: Painter::new(&run.classes, run.background),
            session: Session::new(run),
        };
        sink.event(now, 0, What::FileVersion(FILE_VERSION.to_owned()))?;
        if run.first_step > 0 {
            let start = SessionLog { status: SessionStatus::Start as i32 };
            // TensorBoard drops events from this step on; that of the checkpoint itself stays.
            sink.event(now, run.first_step + 1, What::SessionLog(start))?;
        }
        for value in sink.session.start(seconds(now)) {
            sink.values(now, 0, vec![value])?;
        }
        Ok(sink)
    }

    fn event(&mut self, time: SystemTime, step: u64, what: What) -> Result<()> {
        let event = Event { wall_time: seconds(time), step: step as i64, what: Some(what) };
        Ok(self.writer.write(&event.encode_to_vec())?)
    }

    fn values(&mut self, time: SystemTime, step: u64, value: Vec<Value>) -> Result<()> {
        self.event(time, step, What::Summary(Summary { value }))
    }

    fn scalars(&mut self, entry: &Entry, scalars: Vec<(String, f64)>) -> Result<()> {
        let value = |(tag, value): (String, f64)| Value::new(tag, Widget::SimpleValue(value as f32));
        self.values(entry.time, entry.step, scalars.into_iter().map(value).collect())
    }
}

impl Sink for TensorBoard {
    fn name(&self) -> &'static str {
        "TensorBoard"
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        match &entry.record {
            Record::Step(step) => self.scalars(entry, step.scalars()),
            Record::Epoch(epoch) => self.scalars(entry, epoch.scalars()),
            Record::System(figures) => {
                let tagged = figures.iter().map(|(name, value)| (format!("system/{name}"), *value));
                self.scalars(entry, tagged.collect())
            }
            Record::Pictures(pictures) => {
                let mut values = Vec::new();
                for (place, picture) in pictures.iter().enumerate() {
                    let drawn = self.painter.draw(picture)?;
                    values.push(Value::new(format!("validation/{place}"), Widget::Image(image(&drawn)?)));
                }
                self.values(entry.time, entry.step, values)
            }
            Record::Histograms(histograms) => {
                let value = |(name, histogram): &(String, Histogram)| {
                    Value::new(format!("parameters/{name}"), Widget::Histo(HistogramProto::from(histogram)))
                };
                self.values(entry.time, entry.step, histograms.iter().map(value).collect())
            }
            Record::Text(tag, text) => self.values(entry.time, entry.step, vec![markdown(tag, text)]),
            Record::Console(_) => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.writer.flush()?)
    }

    fn finish(&mut self, outcome: &Outcome) -> Result<()> {
        let now = SystemTime::now();
        let value = self.session.end(outcome, seconds(now));
        self.values(now, 0, vec![value])?;
        self.flush()
    }
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn image(picture: &image::RgbImage) -> Result<Image> {
    Ok(Image {
        height: picture.height() as i32,
        width: picture.width() as i32,
        colorspace: 3,
        encoded_image_string: crate::entry::png(picture)?,
    })
}

fn markdown(tag: &str, text: &str) -> Value {
    let plugin_data = PluginData { plugin_name: "text".to_owned(), content: Vec::new() };
    let tensor = TensorProto {
        dtype: DT_STRING,
        string_val: vec![text.as_bytes().to_vec()],
        ..TensorProto::default()
    };
    Value {
        metadata: Some(SummaryMetadata { plugin_data: Some(plugin_data) }),
        ..Value::new(tag.to_owned(), Widget::Tensor(tensor))
    }
}

impl From<&Histogram> for HistogramProto {
    fn from(histogram: &Histogram) -> Self {
        Self {
            min: histogram.min,
            max: histogram.max,
            num: histogram.count() as f64,
            sum: histogram.sum,
            sum_squares: histogram.sum_squares,
            bucket_limit: histogram.edges().split_off(1),
            bucket: histogram.counts.iter().map(|count| *count as f64).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
