"""The pages: one file each, which asks ``runlog.queries`` and fills a template."""
