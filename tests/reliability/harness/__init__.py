"""What the reliability tests share: faulty disks, damaged files, processes that are killed."""
