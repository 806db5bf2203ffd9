"""Who gets which image, and when to stop trying: pure code, time and chance are arguments."""
