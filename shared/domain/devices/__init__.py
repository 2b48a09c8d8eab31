"""Device readings: the event of hub `vital-signs` and the FHIR Observations that it becomes."""

from shared.domain.devices.observations import DeviceObservation, DeviceReadingError, to_observations

__all__ = ["DeviceObservation", "DeviceReadingError", "to_observations"]
