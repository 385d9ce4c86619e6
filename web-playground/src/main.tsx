import './workers.ts';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './styles.css';
import { Playground } from './playground.tsx';

const root = document.getElementById('playground');
if (!root) throw new Error('index.html has no element with the id "playground"');
createRoot(root).render(<Playground />);
