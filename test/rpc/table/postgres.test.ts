import { postgresSubject } from '../../conformance/subjects/postgres.ts';
import { describeTable } from './index.ts';

describeTable(postgresSubject);
