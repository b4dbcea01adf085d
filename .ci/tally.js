// Closing lines of a run, from vitest's report and the exit codes of the other steps; exits with 1 when anything failed.

import { readFileSync } from 'node:fs';

const [report, ...steps] = process.argv.slice(2);

function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // The run broke off before it could write: that alone is a failure, and its step says so.
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  }
}

const { numPassedTests, numFailedTests, numPendingTests } = readReport();
const broken = steps.filter((step) => !step.endsWith('=0'));
// A test run that failed without a failed test (an error outside of tests, or out of time) still counts as one.
const stepsFailed = broken.filter((step) => !(step.startsWith('test=') && numFailedTests > 0)).length;
const failed = numFailedTests + stepsFailed;

if (broken.length > 0) console.log(`Steps that failed: ${broken.join(', ')}`);
if (numPendingTests > 0) console.log(`Skipped: ${numPendingTests} (each says why)`);
console.log(`      Tests  ${failed} failed | ${numPassedTests} passed (${failed + numPassedTests})`);
console.log(`${numPassedTests} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
