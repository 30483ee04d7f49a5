"""What follows the journal: readers that miss nothing, each at its own pace."""
