import { describeStore } from './index.ts';
import { postgresSubject } from './subjects/postgres.ts';

describeStore(postgresSubject);
