"""What whoever runs fnshare asks of it: signs of life, readiness, numbers, what is kept how long, what a restore means."""
