"""The spool: run records on disk, from the moment they exist until Prefect has them.

Below SPOOL_DIR each writing process has a directory, named by its start:

- `lock`: locked (flock) for as long as the process lives;
- `00000001.segment`, ...: lines, appended through shared memory, so that they outlive the process without a
  system call; room on disk is reserved before a segment is used, so that a full disk is noticed in time;
- `cursor.json`: how far the recorder has delivered; only the recorder writes it.

A writer never removes what it wrote, the reader never touches what is still appended to, and neither waits for
the other. Once the lock is free the reader cuts each segment down to its last line and removes those without any:
a process that was killed leaves up to two reserved ones. What cannot be read is never deleted: it is renamed to
`*.unreadable`, goes on to count against the limit, and is the operator's to look at.
What a reader may rely on: a line's first byte is written last; a segment gets no more lines once a
later one holds any, or once the lock is free.
"""
