"""Everything that outlives a process: one module for each thing stored. The only place that imports a driver."""
