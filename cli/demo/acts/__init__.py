"""The acts, one file each: `async play(scene)` does the work, checks it and leaves its figures."""
