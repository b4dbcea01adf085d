import { memorySubject } from '../../conformance/subjects/memory.ts';
import { describeTable } from './index.ts';

describeTable(memorySubject);
