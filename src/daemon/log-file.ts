/** A log in a file of bounded size: when it's full it becomes the former one, of which there's one. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Of the file and of the former one, in bytes. */
const MAX_BYTES = 10 * 2 ** 20;

export class LogFile {
  private file: number | null = null;
  private size = 0;
  private failing = false;

  constructor(
    private readonly path: string,
    /** Hears, in words, that lines can't be written: when that begins, not for each. */
    private readonly onProblem: (message: string) => void,
    private readonly limit = MAX_BYTES,
  ) {}

  /** Writes at once, so that the last line before an end is there too. One that can't be written is lost. */
  write(line: string): void {
    try {
      const bytes = Buffer.from(line);
      let file = this.file ?? this.open();
      if (this.size > 0 && this.size + bytes.length > this.limit) file = this.beginAnew(file);
      writeSync(file, bytes);
      this.size += bytes.length;
      this.failing = false;
    } catch (error) {
      if (this.failing) return;
      this.failing = true;
      this.onProblem(
        `the log can't be written to ${this.path}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  /** Where the former log is. */
  static former(path: string): string {
    return `${path}.1`;
  }

  private open(): number {
    mkdirSync(dirname(this.path), { recursive: true });
    this.file = openSync(this.path, 'a', 0o640);
    this.size = fstatSync(this.file).size;
    return this.file;
  }

  private beginAnew(full: number): number {
    this.file = null;
    closeSync(full);
    renameSync(this.path, LogFile.former(this.path));
    return this.open();
  }
}
