"""The migration controller: takes a VirtualMachineInstanceMigration from its creation to Succeeded or Failed.

What to do and which phase follows are pure functions of a `Situation` (`sync`, `phases`, `queueing`); `controller`
reads the situation from its caches, carries out the actions and writes the status.
"""
