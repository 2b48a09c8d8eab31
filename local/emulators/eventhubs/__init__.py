"""An Event Hubs namespace on this computer: AMQP 1.0 over TCP on durable partition logs."""
