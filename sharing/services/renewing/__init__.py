"""What is kept by rules is made anew once the rules changed: rows that were made by a version before say what it thought.

Each kind of kept rows has a version beside its rules, raised with them (tests/services/test_renewing.py reminds of it). After
an upgrade pages and exports say that what they show may be of before, and a worker makes everything anew, a slice at a time.

Import the modules by name: `telling` is asked by what says how far everything was read, and must not wait for what `working`
needs.
"""
