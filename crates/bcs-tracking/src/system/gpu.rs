//! Load of NVIDIA GPUs by NVML, whose library is loaded at run time; without it there are no figures.

use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::{Device, Nvml};

/// The GPUs of the machine.
pub(super) struct Gpus {
    nvml: Option<Nvml>,
}

impl Gpus {
    /// Loads the library.
    pub(super) fn new() -> Self {
        Self { nvml: Nvml::init().ok() }
    }

    /// Returns the figures of all GPUs. A figure that the driver does not give is left out.
    pub(super) fn sample(&self) -> Vec<(String, f64)> {
        let Some(nvml) = &self.nvml else { return Vec::new() };
        let devices = (0..nvml.device_count().unwrap_or(0)).filter_map(|index| {
            let device = nvml.device_by_index(index).ok()?;
            Some((index, device))
        });
        devices.flat_map(|(index, device)| figures(index, &device)).collect()
    }
}

fn figures(index: u32, device: &Device<'_>) -> Vec<(String, f64)> {
    let (utilization, memory) = (device.utilization_rates().ok(), device.memory_info().ok());
    let (power, limit) = (device.power_usage().ok(), device.enforced_power_limit().ok());
    // NVML gives power in milliwatts.
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1e3;
    let figures = [
        ("gpu", utilization.as_ref().map(|rates| f64::from(rates.gpu))),
        ("memory", utilization.as_ref().map(|rates| f64::from(rates.memory))),
        ("memoryAllocated", memory.as_ref().map(|memory| 100.0 * memory.used as f64 / memory.total as f64)),
        ("memoryAllocatedBytes", memory.as_ref().map(|memory| memory.used as f64)),
        ("temp", device.temperature(TemperatureSensor::Gpu).ok().map(f64::from)),
        ("powerWatts", power.map(watts)),
        ("enforcedPowerLimitWatts", limit.map(watts)),
        ("powerPercent", power.zip(limit).map(|(power, limit)| 100.0 * watts(power) / watts(limit))),
    ];
    let named = |(name, value): (&str, Option<f64>)| Some((format!("gpu.{index}.{name}"), value?));
    figures.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_gpus_of_the_driver_are_measured() {
        let driver = std::fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count);
        if driver == 0 {
            println!("there is no GPU");
        }
        let figures = Gpus::new().sample();
        for index in 0..driver {
            let figure = |name: &str| {
                let name = format!("gpu.{index}.{name}");
                figures.iter().find(|(known, _)| *known == name).expect("the figure is there").1
            };
            assert!((0.0..=100.0).contains(&figure("gpu")));
            assert!((0.0..=100.0).contains(&figure("memoryAllocated")));
            assert!(figure("powerWatts") > 0.0);
        }
        assert!(driver > 0 || figures.is_empty());
    }
}
