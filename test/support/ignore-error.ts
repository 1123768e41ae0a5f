/** For sockets whose errors are the other side's doing, and part of the test. */
export function ignoreError(): void {}
