/** Says on the standard error what is under way, so that the standard output holds results alone. */
export class Progress {
  private readonly started = performance.now();
  private readonly terminal = process.stderr.isTTY;
  private last = -Infinity;

  constructor(private readonly title: string) {}

  /** Overwrites one line on a terminal; elsewhere writes a line every few seconds. */
  step(text: string): void {
    const seconds = (performance.now() - this.started) / 1000;
    const line = `${this.title}: ${text} (${seconds.toFixed(0)} s)`;
    if (this.terminal) process.stderr.write(`\r\u001B[K${line}`);
    else if (seconds - this.last >= 5) {
      this.last = seconds;
      process.stderr.write(`${line}\n`);
    }
  }

  done(): void {
    const seconds = ((performance.now() - this.started) / 1000).toFixed(0);
    process.stderr.write(`${this.terminal ? '\r\u001B[K' : ''}${this.title}: done in ${seconds} s\n`);
  }
}
