"""What ``runlog doctor`` looks at."""
